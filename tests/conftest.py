"""What holds for every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # several test processes share the cores:
    os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is first imported

# What holds today may not fail tomorrow by chance; `--hypothesis-profile=default` looks further.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Let a test draw the same random numbers each time, whatever ran before it."""
    import torch  # after the number of threads is set

    torch.manual_seed(0)
