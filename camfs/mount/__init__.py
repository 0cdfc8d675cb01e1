"""The file system: pyfuse3's handlers, the tree they walk, the block cache and the control files."""
