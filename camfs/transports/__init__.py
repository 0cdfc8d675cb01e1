"""Concrete links."""
