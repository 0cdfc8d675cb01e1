"""Transports: move bytes to a camera and back, without knowing what the bytes mean. Also what this computer knows of its devices."""
