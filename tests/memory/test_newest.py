"""A frame is read over the newest sealed blocks, beside what is at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory import Full, Longwatch
from longwatch.memory.memory import Memory
from longwatch.memory.newest import newest
from longwatch.models.preprocess import grid_positions
from tests.memory import parts, tiny
from tests.memory.cases import EXACT, MANY, RECALLING
from tests.memory.test_laws import Film, answer

if TYPE_CHECKING:
    from longwatch.models.decoder import Decoder

BLOCK = 6  # tokens, of two frames
OURS = Longwatch(window_tokens=6, sinks=1, thinning=None, codec=EXACT, block_tokens=BLOCK)


@pytest.fixture(scope="module")
def model() -> Decoder:
    return tiny.decoder()


@pytest.mark.parametrize("policy", RECALLING, ids=repr)
def test_frames_that_see_all_that_is_sealed_are_read_as_by_full(
    model: Decoder, policy: Longwatch
) -> None:
    """Nothing is thinned or rounded: it does not matter that it was sealed in between."""
    ours = Memory(replace(policy, near=MANY), model.rope)
    full = Memory(Full(), model.rope)
    clips = tiny.frames(12, 3)
    found, expected = (tiny.read_all(model, memory, clips) for memory in (ours, full))
    assert ours.stats().sealed_tokens > 20
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    question = tiny.frames(1, 5, seed=9)[0]
    said, right = (
        answer(model, memory.snapshot().context(model.rope, room=5), question)
        for memory in (ours, full)
    )
    torch.testing.assert_close(said, right, atol=1e-5, rtol=0)


@pytest.mark.parametrize("policy", RECALLING, ids=repr)
@pytest.mark.parametrize("advance", [None, 1, 2])
def test_with_three_axes_too(policy: Longwatch, advance: int | None) -> None:
    film = Film(advance)
    ours, full = (Memory(p, film.model.rope) for p in (replace(policy, near=MANY), Full()))
    for memory in (ours, full):
        film.read(memory, torch.arange(3).expand(3, -1), None)
    for i in range(8):
        at = grid_positions(2, 5 if i % 3 else 3)
        found, expected = (film.read(memory, at, float(i)) for memory in (ours, full))
        for a, b in zip(found.keys + found.values, expected.keys + expected.values, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=0)
    assert ours.stats().sealed_tokens > 20


@given(near=st.integers(0, 40), count=st.integers(0, 30), most=st.sampled_from([None, 1500]))
@settings(max_examples=25, deadline=None)
def test_what_it_sees_is_the_newest_whole_blocks_in_the_order_of_time(
    model: Decoder, near: int, count: int, most: int | None
) -> None:
    """Also where blocks have grown old: then they hold fewer tokens of more frames."""
    memory = Memory(replace(OURS, near=near, max_bytes=most, rungs=3), model.rope)
    tiny.read_all(model, memory, tiny.frames(count, 3))
    snapshot, archive = memory.snapshot(), memory.archive
    draft = memory.begin(torch.arange(3)[None], float(count))
    model.forward(torch.zeros(3, tiny.WIDTH), torch.arange(3)[None], draft)
    memory.rollback()
    ids = [] if snapshot.view is None else snapshot.view.in_time(
        np.flatnonzero(snapshot.view.allowed())
    ).tolist()  # fmt: skip
    chosen = ids[max(0, len(ids) - near // BLOCK) :] if near >= BLOCK else []
    assert chosen == ([] if archive is None else archive.newest())
    sealed = []
    if snapshot.view is not None and chosen:
        sealed = snapshot.view.tokens(np.array(chosen))[0].time.tolist()
    hand = [time for s in snapshot.segments for time in s.times(0)]
    for layer in range(model.layers):
        assert draft.times(layer).tolist() == sorted(hand + sealed)


def test_without_any_it_sees_what_is_at_hand(model: Decoder) -> None:
    memory = Memory(replace(OURS, near=0), model.rope)
    tiny.read_all(model, memory, tiny.frames(9, 3))
    assert newest(memory.archive) is None
    assert newest(None) is None


def test_what_a_frame_sees_may_grow_old_before_it_is_read() -> None:
    """Other streams may need the bytes between two steps of the engine."""
    memory = parts.read(replace(OURS, near=12), [parts.frame(i, 3) for i in range(20)])
    archive = memory.archive
    assert archive is not None
    seen, asked = newest(archive), parts.question()[0]
    assert seen is not None
    (before,) = seen.choose(0, asked)
    archive.ladder.bound(1)
    archive.age()
    archive.trim()
    assert archive.newest() == [archive.ladder.oldest()]
    (after,) = seen.choose(0, asked)
    assert torch.equal(after.keys, before.keys)
    assert torch.equal(after.values, before.values)
    assert after.keys.shape[1] == 12


def test_a_frame_that_was_not_committed_leaves_no_block_behind(model: Decoder) -> None:
    memory = Memory(replace(OURS, near=12, max_bytes=1500, rungs=2), model.rope)
    for i, clip in enumerate(tiny.frames(40, 3)):
        memory.begin(torch.arange(3)[None], float(i))
        memory.rollback()
        tiny.read(model, memory, clip, float(i))
    archive = memory.archive
    assert archive is not None
    archive.trim()
    assert archive.tier.used_bytes == archive.ladder.nbytes
