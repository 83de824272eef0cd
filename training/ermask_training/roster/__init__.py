"""A roster: the folder with `roster.toml` and recognition networks, read, added to, calibrated."""
