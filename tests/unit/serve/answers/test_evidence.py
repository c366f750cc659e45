"""The frames that an answer names as its evidence."""

from __future__ import annotations

import pytest
import torch

from longwatch.memory import Full, Longwatch, Window
from longwatch.memory.recall import Recaller
from longwatch.models.base import Turn
from longwatch.serve.answers.evidence import MOST, evidence
from longwatch.serve.answers.scope import limit_recall
from longwatch.serve.answers.time_expressions import TimeRange
from longwatch.serve.answers.types import Question
from tests.support import tiny

TIMES = [float(i) for i in range(40)]
POLICIES = [
    Full(),
    Window(tokens=40),
    Longwatch(window_tokens=40, block_tokens=8, tokens=64, thinning=None),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize(
    "span", [None, TimeRange(3, 9), TimeRange(3, 5), TimeRange(37, 60)], ids=repr
)
@torch.inference_mode()
def test_it_is_the_frames_looked_at_most_within_what_is_asked_for(
    policy: Full | Window | Longwatch, span: TimeRange | None
) -> None:
    model = tiny.TinyVideoLM()
    snapshot = tiny.remember(model, policy, TIMES)
    limits = limit_recall(snapshot, Question((Turn("user", "what?"),), range=span))
    ids = model.prompt_ids([Turn("user", "what?")])
    context = limits.snapshot.context(model.decoder.rope, room=len(ids))
    model.read_text(ids, context)
    found = evidence(model, context, limits)
    held = set(limits.snapshot.times)
    recalled = context.recall.times() if isinstance(context.recall, Recaller) else {}
    assert {e.time for e in found} <= held | set(recalled)
    assert {e.why for e in found if e.time in recalled} <= {"recalled"}
    assert len(found) <= MOST
    if limits.span is not None:
        assert all(limits.span.since <= e.time <= limits.span.until for e in found)
    weights = [e.weight or 0.0 for e in found]
    assert weights == sorted(weights, reverse=True)
    assert 0 < sum(weights) <= 1 + 1e-6


def test_before_anything_was_read_there_is_none() -> None:
    model = tiny.TinyVideoLM()
    snapshot = tiny.remember(model, Full(), TIMES[:3])
    limits = limit_recall(snapshot, Question((Turn("user", "what?"),)))
    context = limits.snapshot.context(model.decoder.rope, room=8)
    assert evidence(model, context, limits) == ()
