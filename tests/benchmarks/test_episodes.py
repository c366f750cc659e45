"""The streams of the quality benchmark."""

from __future__ import annotations

import torch

from benchmarks import episodes
from tests.benchmarks.watched import model, stream
from training.questions import KINDS


def test_a_stream_is_the_same_each_time_and_no_other() -> None:
    one, again = (list(episodes.episodes(model(), 6, 2, 1)) for _ in range(2))
    for a, b in zip(one, again, strict=True):
        assert a.questions == b.questions
        assert all(torch.equal(x.embeds, y.embeds) for x, y in zip(a.tokens, b.tokens, strict=True))
    assert not torch.equal(one[0].tokens[0].embeds, one[1].tokens[0].embeds)
    other = next(episodes.episodes(model(), 6, 1, 1, seed=1))
    assert not torch.equal(other.tokens[0].embeds, one[0].tokens[0].embeds)


def test_questions_are_of_every_kind_and_about_frames_that_are_there() -> None:
    found = stream(16)
    assert {question.kind for question in found.questions} <= set(KINDS)
    assert len({question.kind for question in found.questions}) > len(KINDS) - 4
    assert all(0 <= f < 16 for question in found.questions for f in question.frames)
    assert found.source == "pixels"


def test_long_streams_are_simulated() -> None:
    assert next(episodes.episodes(model(), episodes.PIXELS + 1, 1, 0)).source == "simulated"
