"""Emulated PTP cameras: their state, their stores, their operations, and the responder that speaks for them."""
