"""Measurements of what this project claims; run from the root as `python -m benchmarks.NAME`."""
