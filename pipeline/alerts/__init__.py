"""Alerts: who hears of what, in which words, and that it is delivered once."""
