"""What cameras can do, in the words of this program: `Camera` (see `camera`), and the drivers that do it."""
