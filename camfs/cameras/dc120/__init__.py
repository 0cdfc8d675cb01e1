"""The driver of the Kodak DC120 on a serial line; read `driver` first, which says what the other modules are for."""
