"""What Canon's EOS cameras add to PTP: operations, event records, settings and frames, without I/O, for both sides of the wire.

The facts and their sources: README.md here.
"""
