"""USB for emulated cameras: inside one process, and as a USB gadget of this computer."""
