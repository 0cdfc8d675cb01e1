"""The driver of Nikon's bodies: what they do beyond PTP."""
