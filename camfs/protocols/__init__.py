"""The protocols of cameras without I/O: bytes in, messages out. Nothing here imports trio, usb, serial, socket, time or threading."""
