"""PTP (ISO 15740) without I/O, over USB and TCP; the same code serves initiator and responder. Start with README.md in this folder."""
