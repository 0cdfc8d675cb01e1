"""Nikon's operations over PTP, without I/O and for both sides; README.md has the facts and their sources."""
