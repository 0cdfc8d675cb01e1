"""USB as an emulated camera needs it: in one process, and as a gadget of this computer."""
