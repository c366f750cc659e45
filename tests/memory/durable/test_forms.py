"""Segments and blocks on disk are what they were, bit by bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import StorageError
from longwatch.memory.durable.forms import read_block, read_segment, write_block, write_segment
from longwatch.memory.durable.pack import DTYPES, pack, unpack
from longwatch.memory.kept import bag, segment_of
from longwatch.memory.sealed import Sealed
from longwatch.memory.segment import Segment
from longwatch.memory.table import Tokens

CPU = torch.device("cpu")


def joined(parts: list[memoryview]) -> memoryview:
    return memoryview(b"".join(parts))


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def segment(dtype: torch.dtype, index: int = 3, advance: int | None = None) -> Segment:
    generator = torch.Generator().manual_seed(index)
    keys, values = torch.randn(2, 2, 3, 5, 4, generator=generator).to(dtype)
    return Segment(
        tuple(keys), tuple(values), torch.arange(15).reshape(3, 5), index / 3, advance, index
    )


def assert_same(one: Segment, other: Segment) -> None:
    for kv, again in zip((*one.keys, *one.values), (*other.keys, *other.values), strict=True):
        assert kv.dtype == again.dtype
        assert bits(kv) == bits(again)
    assert torch.equal(one.positions, other.positions)
    assert torch.equal(one.span, other.span)
    assert (one.time, one.advance, one.index) == (other.time, other.advance, other.index)


@pytest.mark.parametrize(
    "name", [name for name, dtype in DTYPES.items() if dtype.is_floating_point]
)
def test_a_frame_comes_back(name: str) -> None:
    frame = segment(DTYPES[name], advance=4)
    again = read_segment(joined(write_segment(frame)), CPU)
    assert_same(frame, again)
    assert again.kept is None


def test_not_a_number_and_the_infinite_come_back() -> None:
    odd = torch.tensor([math.nan, math.inf, -math.inf, -0.0, 1e-45]).reshape(1, 5, 1)
    frame = Segment((odd,), (odd,), torch.arange(5)[None])
    again = read_segment(joined(write_segment(frame)), CPU)
    assert_same(frame, again)
    assert again.time is None


def test_what_is_kept_of_many_frames_comes_back() -> None:
    every = [segment(torch.float32, index) for index in (2, 5, 6)]
    at = torch.tensor([[0, 4, 9], [1, 2, 14], [5, 6, 7]])
    kept = segment_of([bag(every, layer).take(at) for layer in range(2)])
    again = read_segment(joined(write_segment(kept)), CPU)
    assert_same(kept, again)
    if kept.kept is None or again.kept is None:
        pytest.fail("both hold many frames")
    assert (kept.kept.since, kept.kept.frames) == (again.kept.since, again.kept.frames)
    for one, other in zip(
        (*kept.kept.places, *(x for o in kept.kept.origins for x in o)),
        (*again.kept.places, *(x for o in again.kept.origins for x in o)),
        strict=True,
    ):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    assert [kept.times(layer) for layer in (0, 1)] == [again.times(layer) for layer in (0, 1)]


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 40), st.integers(0, 2**31 - 1))
def test_a_block_comes_back(tokens: int, width: int, seed: int) -> None:
    some = np.random.default_rng(seed)
    where = Tokens(
        some.integers(0, 2**31 - 1, tokens).astype(np.int32),
        some.random(tokens),
        some.integers(-9, 9, (3, tokens)).astype(np.int16),
        some.integers(0, 9, tokens).astype(np.int16),
    )
    rows = torch.from_numpy(some.integers(0, 256, (2, width)).astype(np.uint8))
    vectors = tuple(torch.from_numpy(some.random((2, 3, 4)).astype(np.float32)))
    block = Sealed(seed, 2, where, rows, vectors)
    again = read_block(seed, joined(write_block(block)))
    assert again[:2] == block[:2]
    assert bits(again.rows) == bits(block.rows)
    assert again.rows.shape == rows.shape
    assert list(map(bits, again.vectors)) == list(map(bits, vectors))
    for name in ("frame", "time", "place", "span"):
        one, other = getattr(where, name), getattr(again.tokens, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_bytes_that_nobody_packed_are_refused(data: bytes) -> None:
    whole = joined(pack({"a": 1}, [torch.ones(3)]))
    for body in (data, whole[: len(whole) - 1 - len(data) % 20]):
        with pytest.raises(StorageError):
            unpack(memoryview(body))
