"""One answer, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from longwatch.memory import Full, Longwatch
from longwatch.memory.context import Context
from longwatch.memory.memory import Memory, Snapshot
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.answer import Answer, run_to_completion
from longwatch.serve.answers.time_expressions import TimeRange
from longwatch.serve.answers.types import Done, Question
from longwatch.serve.observability.observer import EngineObserver
from tests.support import tiny


@pytest.fixture(scope="module")
def model() -> tiny.TinyVideoLM:
    return tiny.TinyVideoLM()


@pytest.fixture(scope="module")
def snapshot(model: tiny.TinyVideoLM) -> Snapshot:
    memory = Memory(Full(), model.decoder.rope)
    for i in range(20):
        frame = tiny.frame(i)
        source = model.frame_input(model.encode([frame])[0], frame.time)
        draft = memory.begin(source.positions, frame.time)
        for _ in model.read(source, draft):
            pass
        memory.commit()
    return memory.snapshot()


def run(
    model: tiny.TinyVideoLM, snapshot: Snapshot, sampling: Sampling, asked: Question | None = None
) -> Done:
    listener = tiny.Listener()
    asked = asked or Question((Turn("user", "what?"),), sampling)
    answer = Answer(asked, snapshot, model, listener, EngineObserver())
    answer.start(0)
    with torch.inference_mode():
        run_to_completion(model, answer)
    return listener.done()


def test_decoding_step_by_step_equals_one_pass_over_all(
    model: tiny.TinyVideoLM, snapshot: Snapshot
) -> None:
    """Each token is the likeliest one after all tokens before it, read at once."""
    text = run(model, snapshot, Sampling(max_tokens=12)).text
    ids = model.prompt_ids([Turn("user", "what?")])
    for letter in text:
        context = Context(snapshot.segments, model.decoder.rope, room=len(ids))
        token = int(model.decoder.logits(model.read_text(ids, context)).argmax())
        assert model.tokenizer.decode([token]) == letter
        ids.append(token)


def test_a_stop_string_ends_the_answer_before_it(
    model: tiny.TinyVideoLM, snapshot: Snapshot
) -> None:
    whole = run(model, snapshot, Sampling(max_tokens=12)).text
    done = run(model, snapshot, Sampling(max_tokens=12, stop=(whole[4:6],)))
    assert done.text == whole[: whole.index(whole[4:6])]
    assert (done.status, done.reason) == ("completed", "stop")


def test_an_end_token_ends_the_answer_and_is_not_shown(snapshot: Snapshot) -> None:
    model = tiny.TinyVideoLM()
    whole = run(model, snapshot, Sampling(max_tokens=12)).text
    token = ord(whole[5]) - 48
    model.stop_ids = frozenset([token])
    done = run(model, snapshot, Sampling(max_tokens=12))
    assert done.text == whole[: whole.index(whole[5])]
    assert (done.status, done.reason) == ("completed", "stop")
    assert done.usage.output_tokens == len(done.text)


def test_the_same_seed_gives_the_same_answer_and_another_one_another(
    model: tiny.TinyVideoLM, snapshot: Snapshot
) -> None:
    texts = [run(model, snapshot, Sampling(1.0, seed=s, max_tokens=24)).text for s in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_an_answer_cancelled_before_its_first_step_says_nothing(
    model: tiny.TinyVideoLM, snapshot: Snapshot
) -> None:
    listener = tiny.Listener()
    answer = Answer(tiny.question(), snapshot, model, listener, EngineObserver())
    answer.cancel()
    assert list(answer.steps()) == []
    done = listener.done()
    assert (done.status, done.text, done.timing.ttft_ms) == ("cancelled", "", None)


def test_an_answer_ends_once(model: tiny.TinyVideoLM, snapshot: Snapshot) -> None:
    listener = tiny.Listener()
    answer = Answer(tiny.question(tokens=2), snapshot, model, listener, EngineObserver())
    with torch.inference_mode():
        run_to_completion(model, answer)
    answer.fail(RuntimeError("too late"))
    answer.close()
    assert sum(isinstance(e, Done) for e in listener.events) == 1


def test_a_model_that_is_sure_recalls_nothing(model: tiny.TinyVideoLM) -> None:
    """With the gate shut, all is as without one; with it open, as without what was sealed."""
    policy = Longwatch(window_tokens=40, block_tokens=8, tokens=64, thinning=None)
    frames = [float(i) for i in range(20)]
    never, always = (replace(policy, gate=gate) for gate in (1e-9, 100.0))
    free, shut, opened = (tiny.remember(model, p, frames) for p in (policy, never, always))
    sampling = Sampling(max_tokens=12)
    assert run(model, shut, sampling).text == run(model, free, sampling).text
    assert any(e.why == "recalled" for e in run(model, shut, sampling).evidence)
    done = run(model, opened, sampling)
    assert done.text == run(model, replace(free, view=None), sampling).text
    assert {e.why for e in done.evidence} == {"at_hand"}
    assert done.usage.context_tokens == sum(map(len, opened.segments))
    limits = Question((Turn("user", "what?"),), sampling, range=TimeRange(0, 9))
    assert any(e.why == "recalled" for e in run(model, opened, sampling, limits).evidence)


def test_an_answer_says_how_many_tokens_it_saw(model: tiny.TinyVideoLM) -> None:
    policy = Longwatch(window_tokens=40, block_tokens=8, tokens=16, thinning=None)
    snapshot = tiny.remember(model, policy, [float(i) for i in range(20)])
    done = run(model, snapshot, Sampling(max_tokens=1))
    assert done.usage.context_tokens == sum(map(len, snapshot.segments)) + 16
