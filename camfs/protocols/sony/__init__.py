"""Sony's operations over PTP in the mode PC Remote, without I/O and for both sides; README.md has the facts and their sources."""
