"""Laws of how likely a model says yes."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.models.base import Turn
from longwatch.serve.engine.engine import Engine
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.watches.condition import answers, present, score, score_when_idle
from tests.support.tiny import TinyVideoLM, feed, frame, remember

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot
    from longwatch.types import VisualTokens


@pytest.fixture(scope="module")
def model() -> TinyVideoLM:
    return TinyVideoLM()


@pytest.fixture(scope="module")
def snapshot(model: TinyVideoLM) -> Snapshot:
    return remember(model, StreamSettings().make_policy(model), [0.0, 0.5, 1.0])


def test_a_score_is_yes_against_no_as_the_model_would_begin_its_answer(
    model: TinyVideoLM, snapshot: Snapshot
) -> None:
    ids = model.prompt_ids([Turn("user", "a?" + model.yes_or_no)])
    context = snapshot.context(model.decoder.rope, room=len(ids), recall=False)
    likely = model.decoder.logits(model.read_text(ids, context)).softmax(0)
    yes, no = answers(model.tokenizer)
    expected = likely[yes].sum() / (likely[yes].sum() + likely[no].sum())
    assert score(model, snapshot, "a?") == pytest.approx(float(expected), abs=1e-6)


def test_a_score_leaves_the_memory_as_it_was(model: TinyVideoLM, snapshot: Snapshot) -> None:
    before = [segment.keys[0].clone() for segment in snapshot.segments]
    assert score(model, snapshot, "a?") == score(model, snapshot, "a?")
    after = [segment.keys[0] for segment in snapshot.segments]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_what_the_tokens_say_is_added_in_nats(snapshot: Snapshot) -> None:
    class Sure(TinyVideoLM):
        def evidence(self, tokens: VisualTokens, question: str) -> float:
            return 1.5

    model, tokens = Sure(), TinyVideoLM().encode([frame(0)])[0]
    alone, both = (score(model, snapshot, "a?", given) for given in (None, tokens))
    odds = [math.log(p / (1 - p)) for p in (alone, both)]
    assert odds[1] - odds[0] == pytest.approx(1.5, abs=1e-6)


def test_the_present_is_the_newest_frame_alone(snapshot: Snapshot) -> None:
    now = present(snapshot, 1)
    assert now.times == [1.0]
    assert [s for s in now.segments if s.time is None]  # the text that opens the stream stays


async def test_the_engine_answers_when_it_is_free(model: TinyVideoLM) -> None:
    engine = Engine(model)
    engine.start()
    try:
        stream = engine.open_stream("a")
        await asyncio.to_thread(feed, stream, [frame(0), frame(1)])
        snapshot = stream.snapshot()
        assert stream.newest is not None
        assert stream.newest.frame.time == snapshot.as_of
        tokens = stream.newest.tokens
        found, seconds = await score_when_idle(engine, snapshot, "a?", tokens)
        assert found == score(model, present(snapshot, 1), "a?")
        assert seconds > 0
    finally:
        engine.close()


async def test_an_error_of_the_model_is_told_to_who_asked(model: TinyVideoLM) -> None:
    engine = Engine(model)
    engine.start()
    try:
        broken = remember(model, StreamSettings().make_policy(model), [0.0])
        object.__setattr__(broken, "policy", None)
        with pytest.raises(AttributeError):
            await score_when_idle(engine, broken, "a?", model.encode([frame(0)])[0])
        assert engine.alive
    finally:
        engine.close()
