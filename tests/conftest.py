"""Several test processes share the cores: each, and what it starts, computes on one thread."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is first imported
