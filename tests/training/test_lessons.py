"""Streams that are drawn: what the tower would see of a world, thinned out, and true questions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.models.base import Turn
from longwatch.models.bundled_chat import spoken_ids
from longwatch.stream.sources.world import World
from training.lessons import AT_HAND, KEPT, TEXT_LIMIT, WIDEST, Lesson, Maker, Sample, drop
from training.parts import make_maker
from training.questions import KINDS, Question, Truth
from training.simulate import GRIDS

SEEDS = st.integers(0, 1 << 30)
LESSON = Lesson(frames=(1, 12), questions=4)
LESSONS = st.sampled_from(
    [
        Lesson(frames=(1, 6), questions=6, tokens=40),
        Lesson(frames=(4, 20), questions=4, tokens=60, grids=(0, 0.5, 0.5)),
        Lesson(frames=(1, 1), questions=8, whole=1.0, last=1.0, wordings="test"),
        Lesson(frames=(30, 40), questions=4, tokens=10, whole=1.0),
    ]
)


@cache
def maker() -> Maker:
    return make_maker()


def sample(lesson: Lesson, seed: int) -> Sample:
    return maker().sample(lesson, np.random.default_rng(seed))


@settings(max_examples=25, deadline=None)
@given(LESSONS, SEEDS)
def test_a_stream_keeps_to_its_lesson(lesson: Lesson, seed: int) -> None:
    drawn = sample(lesson, seed)
    frames, tokens = len(drawn.times), len(drawn.sight.frame)
    assert lesson.frames[0] <= frames <= lesson.frames[1]
    assert tokens <= max(lesson.tokens, frames) + 1
    assert sorted(set(drawn.sight.frame.tolist())) == list(range(-1, frames))
    assert (drawn.sight.frame < 0).sum() == 1  # the opening
    assert (drawn.times == np.floor(drawn.times)).all()
    assert (np.diff(drawn.times) > 0).all()
    assert len(drawn.position) == tokens
    same = np.diff(drawn.sight.frame) == 0
    assert (same == (np.diff(drawn.position) == 0)).all()
    assert (np.diff(drawn.position) >= 0).all()
    assert drawn.position[0] == 0
    assert len(drawn.asked) <= lesson.questions
    for asked in drawn.asked:
        assert asked.kind in KINDS
        assert 0 <= asked.now < frames
        assert len(asked.prompt) + len(asked.answer) <= TEXT_LIMIT
        assert all(0 <= frame <= asked.now for frame in asked.frames)
        assert lesson.last < 1 or asked.now == frames - 1


def test_kinds_are_asked_as_often_as_a_lesson_says() -> None:
    often = {"at": 3.0, **dict.fromkeys(set(KINDS) - {"at", "was_there"}, 0.0)}
    asked = [
        one.kind
        for seed in range(8)
        for one in sample(Lesson(frames=(8, 24), questions=60, often=often), seed).asked
    ]
    assert set(asked) == {"at", "was_there"}
    assert 0.65 < asked.count("at") / len(asked) < 0.85
    with pytest.raises(ConfigError, match="atlas"):
        Lesson(often={"atlas": 2.0})


@settings(max_examples=10, deadline=None)
@given(LESSONS, SEEDS)
def test_the_same_draw_is_the_same_stream(lesson: Lesson, seed: int) -> None:
    ours, again = sample(lesson, seed), sample(lesson, seed)
    assert ours.asked == again.asked
    assert ours.events == again.events
    other: dict[str, Any] = again.sight._asdict()
    for name, one in ours.sight._asdict().items():
        assert np.array_equal(one, other[name], equal_nan=one.dtype.kind == "f")


@settings(max_examples=25, deadline=None)
@given(LESSONS, SEEDS, st.sampled_from(GRIDS))
def test_dropping_leaves_every_frame_its_own_token(
    lesson: Lesson, seed: int, grid: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    world, times = World(seed, maker().names), np.arange(1.0 + seed % 30)
    seen = maker().simulator.see(world, times, grid, rng)
    left = drop(seen, lesson, rng)
    whole = left.frame[np.isnan(left.place[:, 0])]
    assert whole.tolist() == list(range(len(times)))
    assert len(left.frame) <= max(lesson.tokens, len(times))
    before = {tuple(x) for x in np.c_[seen.frame, np.nan_to_num(seen.place), seen.p].tolist()}
    after = [tuple(x) for x in np.c_[left.frame, np.nan_to_num(left.place), left.p].tolist()]
    assert before.issuperset(after)


def test_nearly_all_questions_of_every_kind_fit_into_a_lesson() -> None:
    dice = Random(0)
    long, all_of_it = Counter[str](), Counter[str]()
    for seed in range(60):
        truth = Truth(World(seed, maker().names), range(1 + seed), groups=maker().groups)
        for kind in 4 * KINDS:
            now = dice.randrange(1 + seed)
            if question := truth.ask(kind, now, dice):
                one = maker().tokens(question, now, truth.times)
                all_of_it[kind] += 1
                long[kind] += len(one.prompt) + len(one.answer) > TEXT_LIMIT
    assert min(all_of_it[kind] for kind in KINDS) > 50
    assert all(long[kind] < 0.05 * all_of_it[kind] for kind in KINDS), long


def test_questions_are_said_as_the_model_is_asked_and_answered_truly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The words of training are those that the service puts to the model, turn by turn."""
    drawn: list[Question] = []
    ask = Truth.ask

    def spy(truth: Truth, *given: object, **named: object) -> Question | None:
        question = ask(truth, *given, **named)  # type: ignore[arg-type]
        drawn.extend([question] if question else [])
        return question

    monkeypatch.setattr(Truth, "ask", spy)
    made = sample(Lesson(frames=(12, 24), questions=120), 3)
    words = maker().tokenizer
    short = []
    for question in drawn:
        prompt = spoken_ids(words, turns(question))
        answer = [*words.encode(question.answers[0]), words.word("<eos>")]
        assert words.decode(answer[:-1]) == question.answers[0]
        if len(prompt) + len(answer) <= TEXT_LIMIT:
            short.append((question.kind, prompt, answer))
    assert [(asked.kind, asked.prompt, asked.answer) for asked in made.asked] == short
    assert any(prompt.count(words.word("<user>")) > 1 for _, prompt, _ in short)
    assert {asked.kind for asked in made.asked} >= set(KINDS) - {"follow_up"}


def turns(question: Question) -> list[Turn]:
    said = []
    for asked, answered in question.history:
        said += [Turn("user", asked), Turn("assistant", answered)]
    return [*said, Turn("user", question.text)]


def test_streams_that_were_seen_are_drawn_with_the_truth_of_their_frames() -> None:
    times = np.arange(100.0, 140.0)
    world, rng = World(5, maker().names), np.random.default_rng(0)
    sight = maker().simulator.see(world, times, (3, 3), rng)
    parts = maker()
    made = Maker(
        parts.names, parts.groups, parts.simulator, parts.tokenizer, [(world, times, sight)]
    )
    for seed in range(20):
        drawn = made.sample(replace(LESSON, real=1.0), np.random.default_rng(seed))
        assert set(drawn.times.tolist()) <= set(times.tolist())
        assert (np.diff(drawn.times) == 1).all()
        for frame, held in zip(drawn.sight.frame, drawn.sight.holds, strict=True):
            if held >= 0:
                assert drawn.events[held].where(drawn.times[frame])
        for frame, shown in enumerate(drawn.sight.shown):
            here = world.visible(drawn.times[frame])
            assert [drawn.events[i] for i in shown if i >= 0] == here


def test_a_question_sees_a_share_of_the_frames_that_are_not_at_hand() -> None:
    lesson = Lesson(frames=(60, 60), tokens=10**6, grids=(1, 0, 0), whole=1.0, thinned=1.0)
    sample = maker().sample(lesson, np.random.default_rng(4))
    frame = sample.sight.frame
    seen = sample.seen(59)
    counts = np.bincount(frame[seen & (frame >= 0)], minlength=60)
    assert seen[frame < 0].all()
    assert (counts[-AT_HAND:] == 10).all()
    assert (counts[:-AT_HAND] == 10 * KEPT).all()
    assert not sample.seen(40)[frame > 40].any()
    held = sample.sight.holds >= 0
    assert seen[held & (frame < 40)].mean() > seen[~held & (frame < 40)].mean()


def test_a_windowed_stream_is_read_and_thinned_as_the_window_moves() -> None:
    lesson = Lesson(frames=(60, 60), tokens=10**6, grids=(1, 0, 0), whole=1.0, thinned=1.0)
    windows = set()
    for seed in range(12):
        sample = maker().sample(replace(lesson, windowed=1.0), np.random.default_rng(seed))
        frame, window = sample.sight.frame, sample.window
        assert window is not None
        windows.add(window)
        assert 1 <= window <= WIDEST
        near = sample.near()
        for at in (0, 5, 100, len(frame) - 1):
            before = np.arange(len(frame)) <= at
            seen = (frame < 0) | (frame >= frame[at] - window)
            np.testing.assert_array_equal(near[at], before & seen)
        counts = np.bincount(frame[sample.seen(59) & (frame >= 0)], minlength=60)
        assert (counts[-window:] == 10).all()
        assert (counts[:-window] == 10 * KEPT).all()
    assert len(windows) > 4


def test_a_stream_without_a_window_is_read_with_all_before() -> None:
    sample = maker().sample(Lesson(frames=(20, 20)), np.random.default_rng(4))
    assert sample.window is None
    np.testing.assert_array_equal(sample.near(), np.tri(len(sample.sight.frame), dtype=bool))


def test_without_thinning_a_question_sees_all_that_came_before_it() -> None:
    sample = maker().sample(Lesson(frames=(60, 60)), np.random.default_rng(4))
    np.testing.assert_array_equal(sample.seen(30), sample.sight.frame <= 30)
