"""The one door to the tables: every function works within the caller's transaction."""
