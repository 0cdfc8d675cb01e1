"""The driver of any PTP camera: `link` carries messages, `session` runs transactions, `driver` joins what is built on them."""
