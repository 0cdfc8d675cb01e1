"""Developing raw pictures that no viewer opens: KDC files become JPEGs.

`pictures` has it done and keeps the results on this computer's disk; `program` does it, in a process of its own, with rawpy. rawpy need not
be installed: whoever asks for a developed picture is then told so.
"""
