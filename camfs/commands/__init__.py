"""The command line's tables, and what the command does before and besides mounting."""
