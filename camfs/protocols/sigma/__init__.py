"""What the SIGMA fp adds to PTP: its vendor operations and their payloads, without I/O, for both sides of the wire. See README.md here."""
