"""Streams of text: what they tell is unambiguous, and questions have one right answer."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from benchmarks.narration import CHOICES, KINDS, SAID, clock, narration

if TYPE_CHECKING:
    from benchmarks.narration import Kind

CASES = [(kind, frames) for kind in KINDS for frames in (16, 64, 256, 1024)]


@pytest.mark.parametrize(("kind", "frames"), CASES)
def test_a_stream_is_as_long_as_asked_and_tells_its_times(kind: Kind, frames: int) -> None:
    stream = narration(kind, frames, seed=3)
    assert len(stream.lines) == frames
    for number, line in enumerate(stream.lines):
        assert line.startswith(f"{clock(number)} ")
        assert line.endswith(".\n")


@pytest.mark.parametrize(("kind", "frames"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_only_the_frames_that_prove_it_go_on_as_the_right_answer_does(
    kind: Kind, frames: int, seed: int
) -> None:
    stream = narration(kind, frames, seed)
    assert stream.questions
    for question in stream.questions:
        pool = stream.answers[question.kind]
        beginning, right = question.prompt.removeprefix(SAID), pool[question.candidates[0]]
        proof = {n for n, line in enumerate(stream.lines) if beginning + right in line}
        assert proof == set(question.frames)
        wrong = [pool[i] for i in question.candidates[1:]]
        assert not any(beginning + other in line for other in wrong for line in stream.lines)


@pytest.mark.parametrize(("kind", "frames"), CASES)
def test_candidates_are_answers_of_different_scenes(kind: Kind, frames: int) -> None:
    stream = narration(kind, frames, seed=5)
    for question in stream.questions:
        assert len(question.candidates) == min(CHOICES, len(stream.questions))
        pool = stream.answers[question.kind]
        assert len({pool[i] for i in question.candidates}) == len(question.candidates)


def test_a_dense_stream_never_says_the_same_twice() -> None:
    lines = narration("dense", 1024, seed=1).lines
    assert len({line.partition("] ")[2] for line in lines}) == 1024


def test_a_scene_of_a_redundant_stream_changes_once_at_most() -> None:
    lines = [line.partition("] ")[2] for line in narration("redundant", 256, seed=1).lines]
    scenes: dict[str, list[str]] = {}
    for line in lines:
        thing = line.partition(" at ")[0].partition(",")[0]
        scenes.setdefault(thing, []).append(line)
    changed = [len(set(said)) for said in scenes.values()]
    assert max(changed) == 2
    assert all(len(said) <= 30 for said in scenes.values())
    for said in scenes.values():  # what was before does not come back
        assert sum(a != b for a, b in pairwise(said)) == len(set(said)) - 1


def test_the_same_seed_gives_the_same_stream_and_another_one_another() -> None:
    assert narration("redundant", 64, 7) == narration("redundant", 64, 7)
    assert narration("redundant", 64, 7) != narration("redundant", 64, 9)


def test_times_have_hours_from_one_hour_on() -> None:
    assert [clock(59), clock(60), clock(3600)] == ["[00:59]", "[01:00]", "[01:00:00]"]
