"""The pretrained text decoder, where this machine has it."""

from __future__ import annotations

import os

import pytest

from benchmarks.pretrained_model import SMOLLM2, PretrainedText, cache_folder, find, load


@pytest.fixture(scope="module")
def smollm2() -> PretrainedText:
    """Load SmolLM2; skip its tests on a machine without it, or fail where none may be skipped."""
    if find() is None:
        lacks = f"{SMOLLM2.name} is not in {cache_folder()}; run `make pretrained`"
        if os.environ.get("REQUIRE_SYSTEM_PACKAGES"):
            pytest.fail(lacks)
        pytest.skip(lacks)
    return load()
