"""What the command line is made of, and what the command does beside mounting."""
