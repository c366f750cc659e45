"""Settings of an archive that mean something, and how many blocks they leave room for."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.thinning import Thinning
from longwatch.retrieval import RETRIEVERS


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"block_tokens": 0}, "at least 1 token"),
        ({"least_tokens": 0}, "at least 1 token"),
        ({"near": -1}, "must not be negative"),
        ({"rungs": ()}, "at least one rung"),
        ({"retriever": "nearest"}, "nearest"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Sealing(**wrong)


@pytest.mark.parametrize("max_bytes", [0, -1])
def test_a_rung_without_room_is_refused(max_bytes: int) -> None:
    with pytest.raises(ConfigError, match="max_bytes must be at least 1"):
        Rung(max_bytes=max_bytes)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01])
def test_a_share_that_is_none_or_more_than_all_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="share of tokens"):
        Thinning(share)


@given(st.integers(1, 10_000), st.integers(1, 500))
def test_a_rung_keeps_a_block_and_has_room_for_the_one_that_comes(
    max_bytes: int, block_bytes: int
) -> None:
    """While the oldest goes, one more block is there; the limit holds then too, if it can."""
    most = Rung(max_bytes=max_bytes).most(block_bytes)
    assert most >= 1
    assert (most + 1) * block_bytes <= max_bytes or most == 1
    assert (most + 2) * block_bytes > max_bytes


def test_a_rung_without_a_limit_keeps_all() -> None:
    assert Rung().most(1 << 40) == math.inf


@pytest.mark.parametrize("name", RETRIEVERS)
def test_every_retriever_can_be_named(name: str) -> None:
    assert Sealing(retriever=name).retriever == name
