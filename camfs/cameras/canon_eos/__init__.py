"""The driver of Canon's EOS bodies, beyond what any PTP camera does. See camfs/cameras/README.md."""
