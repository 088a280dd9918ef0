"""The configuration: typed YAML, checked whole, with mistakes named by file, line and key."""
