"""The emulated Nikon body, a Z 6 by its properties and operations; see camfs/virtual/README.md, "What an emulated Nikon does"."""
