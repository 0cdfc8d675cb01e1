"""The SIGMA fp's vendor operations: groups, IFDs, records and value tables, without I/O, for both sides of the wire."""
