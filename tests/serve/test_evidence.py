"""The frames that an answer names as its evidence."""

from __future__ import annotations

import pytest
import torch

from longwatch.memory import Full, Longwatch
from longwatch.memory.recall import Recaller
from longwatch.models.base import Turn
from longwatch.serve.answer import Question
from longwatch.serve.evidence import MOST, evidence
from longwatch.serve.ranges import limited
from longwatch.serve.timewords import Span
from tests.serve import tiny

TIMES = [float(i) for i in range(40)]


@torch.inference_mode()
def test_it_is_the_frames_recalled_with_most_weight_and_one_at_hand() -> None:
    model = tiny.TinyVideoLM()
    policy = Longwatch(window_tokens=40, block_tokens=8, tokens=64, thinning=None)
    snapshot = tiny.remember(model, policy, TIMES)
    for span in (None, Span(3, 9), Span(3, 5), Span(37, 60)):
        limits = limited(snapshot, Question((Turn("user", "what?"),), range=span))
        ids = model.prompt_ids([Turn("user", "what?")])
        context = limits.snapshot.context(model.decoder.rope, room=len(ids))
        model.read_text(ids, context)
        assert isinstance(context.recall, Recaller)
        weights = context.recall.times()
        found = evidence(context, limits)
        recalled = {e.time: e.weight for e in found if e.why == "recalled"}
        rest = [w for t, w in weights.items() if t not in recalled]
        assert len(recalled) == min(MOST, len(weights))
        assert all(weights[t] >= max(rest, default=0) for t in recalled)
        assert sum(weights.values()) == pytest.approx(model.decoder.layers if weights else 0)
        for time, weight in recalled.items():
            assert weight == pytest.approx(weights[time] / model.decoder.layers)
            assert span is None or span.since <= time <= span.until
        at_hand = [e.time for e in found if e.why == "at_hand"]
        assert at_hand == ([39.0] if span is None or span.until > 38 else [])
        assert [e.weight for e in found if e.why == "at_hand"] == [None] * len(at_hand)


def test_where_nothing_is_recalled_it_is_what_is_at_hand() -> None:
    model = tiny.TinyVideoLM()
    snapshot = tiny.remember(model, Full(), TIMES[:3])
    limits = limited(snapshot, Question((Turn("user", "what?"),)))
    context = limits.snapshot.context(model.decoder.rope, room=8)
    assert [(e.time, e.why) for e in evidence(context, limits)] == [(2.0, "at_hand")]
