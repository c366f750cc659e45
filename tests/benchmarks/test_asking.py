"""What a question needs, and what was seen of it."""

from __future__ import annotations

import pytest

from benchmarks import asking
from longwatch.stream.questions import Question

AT = [float(t) for t in range(8)]


def question(kind: str, frames: tuple[int, ...]) -> Question:
    return Question(kind, "?", ("yes",), frames=frames)


def test_one_frame_of_many_proves_that_something_was_there() -> None:
    seen = [{1.0}, {5.0, 6.0}]
    assert asking.found(question("was_there", (1, 2, 3)), AT, seen) == (1.0, 0.5)


def test_to_count_all_frames_are_needed() -> None:
    seen = [{1.0}, {1.0, 2.0}]
    assert asking.found(question("how_often", (1, 2, 3, 4)), AT, seen) == (0.5, 0.375)


def test_what_no_frame_proves_has_no_recall() -> None:
    assert asking.found(question("unanswerable", ()), AT, [{1.0}]) is None


@pytest.mark.parametrize("kind", ["first", "how_many"])
def test_who_sees_nothing_recalls_nothing(kind: str) -> None:
    assert asking.found(question(kind, (1, 2)), AT, [set(), set()]) == (0.0, 0.0)
