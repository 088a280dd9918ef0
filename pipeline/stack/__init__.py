"""The whole system on one machine: an embedded broker, and every part kept alive."""
