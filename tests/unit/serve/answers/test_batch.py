"""Passes of several answers at once, and what happens when one of them fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.memory import Full, Longwatch
from longwatch.serve.answers.batch import ForwardRequest, run_batch
from tests.memory.tiny import VOCABULARY, WIDTH
from tests.support import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.base import Policy
    from longwatch.memory.context import Context

POLICIES = [Full(), Longwatch(window_tokens=40, block_tokens=8, tokens=16, thinning=None)]


class Picky(tiny.TinyVideoLM):
    """A model that chokes on one token, after it has run."""

    POISON = 13

    def read_texts(self, texts: Sequence[Sequence[int]], contexts: Sequence[Context]) -> Tensor:
        hidden = super().read_texts(texts, contexts)
        if any(self.POISON in text for text in texts):
            raise RuntimeError("choked")
        return hidden


def wanted(model: tiny.TinyVideoLM, policy: Policy) -> list[ForwardRequest]:
    """Return the passes that three questions of different length want, on different streams."""
    found = []
    for count, text in ((4, "what?"), (12, "where is it now?"), (20, "who")):
        snapshot = tiny.remember(model, policy, [float(i) for i in range(count)])
        ids = model.tokenizer.encode(text)
        found.append(ForwardRequest(ids, snapshot.context(model.decoder.rope, room=40)))
    return found


def logits(results: Sequence[Tensor | Exception]) -> list[Tensor]:
    assert all(isinstance(found, torch.Tensor) for found in results)
    return [found for found in results if isinstance(found, torch.Tensor)]


@pytest.mark.parametrize("policy", POLICIES, ids=["full", "longwatch"])
@torch.inference_mode()
def test_answers_in_one_pass_say_what_they_say_alone(policy: Policy) -> None:
    model = tiny.TinyVideoLM()
    together, alone = wanted(model, policy), wanted(model, policy)
    for _ in range(12):
        a = logits(run_batch(model, together))
        b = [logits(run_batch(model, [one]))[0] for one in alone]
        torch.testing.assert_close(torch.stack(a), torch.stack(b), atol=1e-4, rtol=1e-5)
        tokens = [int(found.argmax()) for found in b]
        assert [int(found.argmax()) for found in a] == tokens
        together, alone = (
            [ForwardRequest([t], p.context) for t, p in zip(tokens, passes, strict=True)]
            for passes in (together, alone)
        )


@torch.inference_mode()
def test_one_that_fails_fails_alone() -> None:
    model, policy = Picky(), Full()
    expected = logits(run_batch(model, wanted(model, policy)))
    passes = wanted(model, policy)
    passes[1] = passes[1]._replace(ids=[Picky.POISON])
    found = run_batch(model, passes)
    assert isinstance(found[1], RuntimeError)
    torch.testing.assert_close(found[0], expected[0], atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found[2], expected[2], atol=1e-4, rtol=1e-5)


def test_no_pass_is_run_for_nobody() -> None:
    assert run_batch(Picky(), []) == []


@torch.inference_mode()
def test_logits_are_made_only_where_they_are_wanted() -> None:
    model = tiny.TinyVideoLM()
    passes = wanted(model, Full())
    passes[0] = passes[0]._replace(last=False)
    sizes = [found.shape[-1] for found in logits(run_batch(model, passes))]
    assert sizes == [WIDTH, VOCABULARY, VOCABULARY]
