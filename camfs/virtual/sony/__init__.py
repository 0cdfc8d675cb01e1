"""The emulated Sony: an A6000 or an A7S III by its state; see camfs/virtual/README.md, "What an emulated Sony does"."""
