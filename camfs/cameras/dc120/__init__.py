"""The driver of the Kodak DC120: `line` runs commands, `pictures` keeps what was received, `settings` and `camera` do the rest."""
