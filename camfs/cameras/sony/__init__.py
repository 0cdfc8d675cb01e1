"""The driver of Sony's bodies in PC Remote: what they do beyond PTP."""
