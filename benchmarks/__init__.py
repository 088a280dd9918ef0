"""Benchmarks: `make bench [NAME=…]` prints ratios measured in one run, and a line of JSON."""
