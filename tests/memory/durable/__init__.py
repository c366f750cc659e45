"""Tests of memory that survives the process."""
