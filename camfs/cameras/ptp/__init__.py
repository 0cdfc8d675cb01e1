"""The driver of any PTP camera: `link` carries messages, `session` runs transactions, `camera` speaks in entries and settings."""
