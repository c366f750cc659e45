"""What holds for every test."""

from __future__ import annotations

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several test processes share the cores:
    os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is first imported


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Let a test draw the same random numbers each time, whatever ran before it."""
    import torch  # after the number of threads is set

    torch.manual_seed(0)
