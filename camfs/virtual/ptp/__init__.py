"""Emulated PTP cameras: body, stores, operations and the responder that speaks for them."""
