"""Deciding what to make: pure functions from a source and a profile to plans and argument lists."""
