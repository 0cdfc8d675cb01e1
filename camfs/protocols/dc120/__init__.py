"""The Kodak DC120's serial protocol without I/O: commands, values, records, frames; one table for host and camera."""
