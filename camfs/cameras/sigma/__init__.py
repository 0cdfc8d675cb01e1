"""The driver of the SIGMA fp and fp L."""
