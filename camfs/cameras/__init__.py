"""Cameras: `api` says what the file system asks of one; each folder is the driver of a family. README.md tells how they work."""
