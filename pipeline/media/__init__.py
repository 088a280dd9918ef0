"""Effects on files: find tools, run processes, probe, encode, package, verify."""
