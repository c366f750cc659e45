"""The reading of a dialogue, pass by pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from longwatch.memory import Full
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampling
from longwatch.serve.answers import reader
from longwatch.serve.answers.answer import Answer, run_to_completion
from longwatch.serve.answers.types import Question
from longwatch.serve.observability.observer import EngineObserver
from tests.support import tiny

if TYPE_CHECKING:
    import pytest

    from longwatch.memory.memory import Snapshot


def remembered() -> tuple[tiny.TinyVideoLM, Snapshot]:
    model = tiny.TinyVideoLM()
    return model, tiny.remember(model, Full(), [i / 2 for i in range(20)])


def test_a_long_dialogue_is_read_in_passes_and_answered_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, snapshot = remembered()
    asked = Question((Turn("user", "what is there, and where is it?"),), Sampling(max_tokens=6))
    found, steps = [], []
    for tokens in (1000, 8):
        monkeypatch.setattr(reader, "PREFILL_TOKENS", tokens)
        listener = tiny.Listener()
        answer = Answer(asked, snapshot, model, listener, EngineObserver())
        with torch.inference_mode():
            steps.append(run_to_completion(model, answer))
        found.append(listener.done().text)
    assert found[0] == found[1]
    assert steps == [6, 6 + 3]  # 31 letters


def test_a_cancel_ends_a_long_dialogue_between_two_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, snapshot = remembered()
    monkeypatch.setattr(reader, "PREFILL_TOKENS", 2)
    listener = tiny.Listener()
    answer = Answer(tiny.question("what is this?"), snapshot, model, listener, EngineObserver())
    steps = answer.steps()
    with torch.inference_mode():
        assert next(steps) is not None
        answer.cancel()
        assert list(steps) == []
    done = listener.done()
    assert (done.status, done.usage.output_tokens) == ("cancelled", 0)
