"""The pictures that emulated cameras hold: generated ones, and files on disk."""
