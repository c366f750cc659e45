"""What a question needs, and what was seen of it."""

from __future__ import annotations

import pytest

from benchmarks import asking
from benchmarks.replay import opened, read
from longwatch.memory.memory import Memory
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.streams.settings import StreamSettings
from training.questions import Question
from training.simulated import encode

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


def test_a_question_that_says_a_time_recalls_nothing_far_from_it() -> None:
    model = load_bundled()
    memory = Memory(StreamSettings().make_policy(model), model.decoder.rope)
    opened(model, memory)
    times = [float(t) for t in range(40)]
    for at, tokens in zip(times, encode(model, 3, times)[1], strict=True):
        read(model, memory, model.frame_input(tokens, at), at)
    snapshot = memory.snapshot()
    at_hand = {segment.time for segment in snapshot.segments}
    recalled = []
    for text in ("what was there at 00:05?", "what was there?"):
        said = asking.ask(model, snapshot, Question("at", text, ("owl",), frames=(5,)))
        recalled.append(set.union(*said.seen) - at_hand)
    assert 5.0 in recalled[0]
    assert max(recalled[0]) <= 8.0
    assert max(recalled[1]) > 8.0
