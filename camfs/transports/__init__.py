"""Transports: what moves bytes to a camera and back. They know nothing of what the bytes mean."""
