"""A batch says what the World's truth says, found here token by token."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.batches import CHAINS, collate
from training.lessons import Lesson, Maker
from training.parts import make_maker

if TYPE_CHECKING:
    from training.language import Batch
    from training.lessons import Asked, Sample

SEEDS = st.integers(0, 1 << 30)
LESSON = Lesson(frames=(1, 14), questions=8, tokens=60, grids=(0.8, 0.2, 0))


@cache
def maker() -> Maker:
    return make_maker()


def made(seed: int) -> tuple[list[Sample], Batch]:
    rng = np.random.default_rng(seed)
    samples = [maker().sample(LESSON, rng) for _ in range(1 + seed % 3)]
    return samples, collate(samples, maker().ids)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_visual_tokens_lie_stream_by_stream_as_they_were(seed: int) -> None:
    samples, batch = made(seed)
    start = 0
    for i, sample in enumerate(samples):
        assert batch.opening.nonzero().flatten().tolist().count(start) == 1
        n = len(sample.sight.frame)
        rows = slice(start, start + n)
        assert np.array_equal(batch.words[rows], sample.sight.words)
        assert np.array_equal(batch.p[rows], sample.sight.p)
        assert np.array_equal(batch.place[rows], sample.sight.place, equal_nan=True)
        assert np.array_equal(batch.colour[rows], sample.sight.colour)
        assert batch.time[rows].tolist() == [sample.times[t] for t in sample.sight.frame]
        assert batch.position[rows].tolist() == sample.position.tolist()
        assert batch.layout.frames[i].tolist() == [
            k < n for k in range(len(batch.layout.frames[i]))
        ]
        start += n
    assert start == len(batch.words)
    assert int(batch.opening.sum()) == len(samples)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_questions_follow_with_their_answers_as_labels(seed: int) -> None:
    samples, batch = made(seed)
    row = visual = len(batch.words)
    q = batch.layout.questions.shape[1]
    heard = torch.cat([torch.full((visual,), -1), batch.text])
    for i, sample in enumerate(samples):
        for j, asked in enumerate(sample.asked):
            tokens = asked.prompt + asked.answer[:-1]
            rows = range(row, row + len(tokens))
            assert heard[rows.start : rows.stop].tolist() == tokens
            assert int(batch.layout.questions[i, j].sum()) == len(tokens)
            last = max(
                p
                for p, t in zip(sample.position, sample.sight.frame, strict=True)
                if t <= asked.now
            )
            assert batch.position[rows.start : rows.stop].tolist() == [
                last + 1 + k for k in range(len(tokens))
            ]
            own = batch.question == i * q + j
            assert batch.labels[own].tolist() == asked.answer
            assert batch.answers[own].tolist() == list(rows)[len(asked.prompt) - 1 :]
            assert abs(float(batch.weights[own].sum()) - 1) < 1e-5
            assert batch.kinds[i * q + j] == asked.kind
            row = rows.stop
    assert row == len(heard) == len(batch.position)
    assert len(batch.labels) == sum(len(a.answer) for sample in samples for a in sample.asked)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_what_is_seen_and_what_proves_are_those_of_the_frames(seed: int) -> None:
    samples, batch = made(seed)
    layout = batch.layout
    for i, sample in enumerate(samples):
        n = len(sample.sight.frame)
        assert not layout.seen[i, :, n:].any()
        for j, asked in enumerate(sample.asked):
            seen = [int(t) <= asked.now for t in sample.sight.frame]
            assert layout.seen[i, j, :n].tolist() == seen
            proof = layout.evidence[i, j]
            assert not (proof & ~layout.seen[i, j]).any()
            frames = set(sample.sight.frame[proof[:n].numpy()].tolist())
            assert frames <= set(asked.frames)
            assert bool(frames) == bool(asked.frames) == bool(layout.proven[i, j].any())
            answer = range(len(asked.prompt) - 1, len(asked.prompt) + len(asked.answer) - 1)
            proven = layout.proven[i, j].nonzero().flatten().tolist()
            assert proven == (list(answer) if asked.frames else [])
            names = asked.names
            if asked.kind in CHAINS and len(names) == 2 == len(asked.frames):
                names = names[1:]
            held = [sample.events[h].name for h in sample.sight.holds[proof[:n].numpy()] if h >= 0]
            if any(name in held for name in names):
                assert set(held) <= set(names)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_notes_are_what_happened_frame_by_frame(seed: int) -> None:
    samples, batch = made(seed)
    notes = {
        name: dict(zip(rows.tolist(), classes.tolist(), strict=True))
        for name, (rows, classes) in batch.notes.items()
    }
    ids, offset = maker().ids, 0
    wanted: dict[str, dict[int, int]] = {}
    for sample in samples:
        shown = [
            [e for e in sample.events if e.start <= time < e.end] for time in sample.times.tolist()
        ]
        first = {e: t for t, here in reversed(list(enumerate(shown))) for e in here}
        arrivals = sorted(first, key=lambda e: (first[e], e.start))
        earlier = {b: a for a, b in pairwise(arrivals)}
        for row, t in enumerate(sample.sight.frame.tolist(), offset):
            if sample.sight.holds[row - offset] >= 0:
                event = sample.events[sample.sight.holds[row - offset]]
                assert event in shown[t]
                wanted.setdefault("entered", {})[row] = int(
                    event not in (shown[t - 1] if t else [])
                )
                if t - first[event] <= 1:
                    again = arrivals[: arrivals.index(event)]
                    count = sum(e.name == event.name for e in again)
                    wanted.setdefault("episode", {})[row] = min(count, 3)
                    if event in earlier:
                        wanted.setdefault("previous", {})[row] = ids[earlier[event].name]
            if np.isnan(sample.sight.place[row - offset, 0]) and t > 0:
                gone = [e for e in shown[t - 1] if e not in shown[t]]
                if len(gone) == 1:
                    wanted.setdefault("left", {})[row] = ids[gone[0].name]
        offset += len(sample.sight.frame)
    for name in ("entered", "episode", "previous", "left"):
        assert notes.get(name, {}) == wanted.get(name, {})


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_notes_of_questions_are_at_the_word_that_ends_them(seed: int) -> None:
    samples, batch = made(seed)
    heard = torch.cat([torch.full((len(batch.words),), -1), batch.text])
    ends = last_words(samples, batch)
    for name in ("asked", "minute", "second"):
        for row, value in zip(*batch.notes.get(name, ((), ())), strict=True):
            assert heard[row] == maker().ids["<bot>"]
            asked = ends[int(row)]
            if name == "asked":
                assert int(value) == maker().ids[asked.names[0]]
            else:
                seconds = int(asked.time or 0)
                assert int(value) == (seconds // 60 % 60 if name == "minute" else seconds % 60)


def last_words(samples: list[Sample], batch: Batch) -> dict[int, Asked]:
    """Return the questions by the row of their last token."""
    row, found = len(batch.words), {}
    for asked in (asked for sample in samples for asked in sample.asked):
        found[row + len(asked.prompt) - 1] = asked
        row += len(asked.prompt) + len(asked.answer) - 1
    return found


def test_questions_about_thinned_frames_are_proven_by_what_they_see() -> None:
    lesson = replace(LESSON, frames=(40, 60), tokens=10**6, grids=(1, 0, 0), thinned=1.0)
    sample = maker().sample(lesson, np.random.default_rng(2))
    layout = collate([sample], maker().ids).layout
    hidden = 0
    for j, asked in enumerate(sample.asked):
        seen = sample.seen(asked.now)
        assert layout.seen[0, j].tolist() == seen.tolist()
        assert not (layout.evidence[0, j] & ~layout.seen[0, j]).any()
        assert bool(layout.evidence[0, j].any()) == bool(asked.frames)
        hidden += int((~seen & (sample.sight.frame <= asked.now)).sum())
    assert hidden > 100


def test_frames_that_were_read_within_a_window_are_so_beside_others() -> None:
    lesson = replace(LESSON, frames=(8, 14), tokens=60)
    rng = np.random.default_rng(3)
    plain, short = maker().sample(lesson, rng), maker().sample(replace(lesson, windowed=1.0), rng)
    assert collate([plain], maker().ids).layout.near is None
    batch = collate([plain, short._replace(window=2)], maker().ids)
    near = batch.layout.near
    assert near is not None
    for i, sample in enumerate((plain, short._replace(window=2))):
        n = len(sample.sight.frame)
        np.testing.assert_array_equal(near[i, :n, :n].numpy(), sample.near())
        assert bool(near[i].diagonal().all())


def test_notes_of_a_windowed_stream_say_what_its_window_has_shown() -> None:
    lesson, fewer = replace(LESSON, frames=(14, 14), tokens=200), 0
    for seed in range(8):
        sample = maker().sample(lesson, np.random.default_rng(seed))
        every = collate([sample], maker().ids).notes
        near = collate([sample._replace(window=2)], maker().ids).notes
        whole = collate([sample._replace(window=14)], maker().ids).notes
        assert "episode" in every
        assert "episode" not in near
        for name in ("entered", "left"):
            assert [x.tolist() for x in near[name]] == [x.tolist() for x in every[name]]
        if "previous" in every:
            rows = dict(zip(*(x.tolist() for x in every["previous"]), strict=True))
            some = near.get("previous", (torch.zeros(0), torch.zeros(0)))
            kept = dict(zip(*(x.tolist() for x in some), strict=True))
            assert kept.items() <= rows.items()
            fewer += len(rows) - len(kept)
            assert [x.tolist() for x in whole["previous"]] == [list(rows), list(rows.values())]
    assert fewer > 0
