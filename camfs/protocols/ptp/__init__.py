"""PTP (ISO 15740) without I/O: codes, datasets, USB containers; the same code for initiator and responder."""
