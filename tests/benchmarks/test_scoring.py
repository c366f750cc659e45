"""All questions in one pass, against answers one at a time."""

from __future__ import annotations

import pytest
import torch

from benchmarks.replay import opened, read
from benchmarks.scoring import scores
from longwatch.compressors import Uniform
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from tests.benchmarks.watched import model, stream
from training import answering
from training.questions import Question


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_what_is_likeliest_is_what_is_said(share: float) -> None:
    bundled, shown = model(), stream(12)
    frames = [Uniform(keep=share).compress(tokens, None)[0] for tokens in shown.tokens]
    snapshot = answering.read(bundled, zip(shown.times, frames, strict=True))
    with torch.inference_mode():
        said = [answering.answer(bundled, snapshot, q) for q in shown.questions]
    told = scores(bundled, shown.times, frames, shown.questions)
    right = [text in q.answers for text, q in zip(said, shown.questions, strict=True)]
    assert [score.right for score in told] == right
    assert any(right)


@torch.inference_mode()
def test_how_likely_it_is_equals_a_walk_through_the_answer() -> None:
    bundled, shown = model(), stream(12)
    memory = Memory(Full(), bundled.decoder.rope)
    opened(bundled, memory)
    for time, tokens in zip(shown.times, shown.tokens, strict=True):
        read(bundled, memory, bundled.frame_input(tokens, time), time)
    for question in shown.questions[:4]:
        ids = bundled.prompt_ids([Turn("user", question.text)])
        probability = 0.0
        for answer in question.answers:
            context = memory.snapshot().context(bundled.decoder.rope, room=len(ids) + 16)
            hidden, total = bundled.read_text(ids, context), 0.0
            for token in bundled.tokenizer.encode(answer):
                total += float(bundled.decoder.logits(hidden).log_softmax(-1)[token])
                hidden = bundled.read_text([token], context, context.length)
            stop = bundled.decoder.logits(hidden).softmax(-1)[sorted(bundled.stop_ids)].sum()
            probability += float(stop) * float(torch.tensor(total).exp())
        found = scores(bundled, shown.times, shown.tokens, [question])[0].nll
        assert found == pytest.approx(-float(torch.tensor(probability).log()), abs=1e-3)


def test_several_right_answers_count_together() -> None:
    bundled, shown = model(), stream(12)
    text = "Is there a dog?"
    yes, no, both = (Question("now", text, a) for a in (("yes",), ("no",), ("yes", "no")))
    one, other, together = scores(bundled, shown.times, shown.tokens, [yes, no, both])
    sums = torch.tensor([-one.nll, -other.nll]).logsumexp(0)
    assert together.nll == pytest.approx(-float(sums), abs=1e-4)
    assert together.right == (one.right or other.right)
