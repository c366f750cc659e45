"""Who is let in, whose turn it is, and who comes too late."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from longwatch.errors import LimitError
from longwatch.memory import Full
from longwatch.models.base import Turn
from longwatch.models.sampling import Sampling
from longwatch.serve.answers.answer import Answer
from longwatch.serve.answers.types import Done, Question, QuestionCounts, Started
from longwatch.serve.engine.answer_scheduler import FIRST_READS, AnswerScheduler
from longwatch.serve.engine.fairness import Tenant
from longwatch.serve.observability.observer import EngineObserver
from tests.support import tiny

MODEL = tiny.TinyVideoLM()
SNAPSHOT = tiny.remember(MODEL, Full(), [float(i) for i in range(8)])
A, B = Tenant("", "a"), Tenant("", "b")


class Desk:
    """Answers with what each listener was told, stepped by hand."""

    def __init__(self, most: int = 32, batch: int = 16) -> None:
        self.answers = AnswerScheduler(MODEL, most, batch)
        self.told: list[tiny.Listener] = []
        self.made: list[Answer] = []

    def ask(self, owner: Tenant = A, asked: Question | None = None) -> Answer:
        listener = tiny.Listener()
        asked = asked or Question((Turn("user", "what?"),), Sampling(max_tokens=6))
        answer = Answer(asked, SNAPSHOT, MODEL, listener, EngineObserver())
        self.answers.add(answer, owner)
        self.told.append(listener)
        self.made.append(answer)
        return answer

    @torch.inference_mode()
    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.answers.step()

    def run(self) -> None:
        while self.answers.waiting():
            self.step()

    def done(self, number: int) -> Done | None:
        events = self.told[number].events
        return events[-1] if isinstance(events[-1], Done) else None


@pytest.mark.parametrize("batch", [2, 3, 16])
def test_answers_at_once_equal_the_same_one_by_one(batch: int) -> None:
    texts = []
    for size in (1, batch):
        desk = Desk(batch=size)
        for i in range(9):
            sampling = Sampling(max_tokens=3 + i)
            desk.ask(A if i % 2 else B, Question((Turn("user", f"question {i}?"),), sampling))
        desk.run()
        texts.append([told.done().text for told in desk.told])
        assert [len(text) for text in texts[-1]] == [3 + i for i in range(9)]
    assert texts[0] == texts[1]


def test_a_pass_of_the_model_takes_several_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    read = tiny.TinyVideoLM.read_texts

    def counting(model: tiny.TinyVideoLM, texts: object, contexts: object) -> torch.Tensor:
        sizes.append(len(texts))  # type: ignore[arg-type]
        return read(model, texts, contexts)  # type: ignore[arg-type]

    monkeypatch.setattr(tiny.TinyVideoLM, "read_texts", counting)
    desk = Desk()
    for _ in range(8):
        desk.ask()
    desk.run()
    # Six tokens each: the first ones in two passes, of which the second has the others' next.
    assert sizes == [FIRST_READS, 8, 8, 8, 8, 8, 8 - FIRST_READS]


def test_a_stream_s_questions_do_not_starve_another_s() -> None:
    desk = Desk(batch=4)
    for _ in range(20):
        desk.ask(A)
    desk.step(3)
    late = desk.ask(B)
    desk.step(2)
    assert late.begun
    assert desk.answers.counts("b") == QuestionCounts(running=1, waiting=0)
    assert desk.answers.counts("a") == QuestionCounts(running=4, waiting=16)


def test_more_questions_than_allowed_are_refused_with_a_time_to_come_back() -> None:
    desk = Desk(most=4)
    for _ in range(4):
        desk.ask()
    with pytest.raises(LimitError, match="max_questions") as refused:
        desk.ask()
    assert refused.value.code == "overloaded"
    assert refused.value.retry_after > 0
    desk.run()
    desk.ask()


def test_who_has_most_under_way_gives_way_to_who_has_less() -> None:
    desk = Desk(most=4, batch=1)
    for _ in range(4):
        desk.ask(A)
    desk.step()
    desk.ask(B)
    desk.step()
    refused = desk.told[3].done()
    assert (refused.status, refused.reason) == ("failed", "overloaded")
    assert isinstance(refused.error, LimitError)
    desk.ask(B)  # two and two: nobody has to give way any more
    with pytest.raises(LimitError):
        desk.ask(B)
    desk.run()
    ends = [desk.done(i) for i in range(6)]
    said = [end.status for end in ends if end is not None]
    assert said == ["incomplete", "incomplete", "failed", "failed", "incomplete", "incomplete"]


def test_a_key_with_many_streams_gives_way_to_one_with_few() -> None:
    desk = Desk(most=6, batch=1)
    for i in range(6):
        desk.ask(Tenant("greedy", f"s{i}"))
    desk.step()
    desk.ask(Tenant("modest", "x"))
    desk.step()
    assert [desk.done(i) is None for i in range(7)].count(False) == 1


def test_an_answer_that_began_never_gives_way() -> None:
    desk = Desk(most=2)
    desk.ask(A)
    desk.ask(A)
    desk.step()
    with pytest.raises(LimitError):
        desk.ask(B)


def test_a_question_past_its_deadline_fails_and_says_so() -> None:
    desk = Desk(batch=1)
    asked = Question((Turn("user", "what?"),), Sampling(max_tokens=6))
    desk.ask(A, replace(asked, deadline=3600.0))
    desk.ask(A, replace(asked, deadline=0.0))
    desk.step()
    done = desk.told[1].done()
    assert (done.status, done.reason, done.text) == ("failed", "deadline_exceeded", "")
    assert done.error is not None
    assert "deadline" in str(done.error)
    desk.run()
    assert desk.told[0].done().status == "incomplete"


def test_a_deadline_does_not_end_an_answer_that_began() -> None:
    desk = Desk()
    answer = desk.ask(A, Question((Turn("user", "what?"),), Sampling(max_tokens=6), deadline=60.0))
    desk.step()
    answer._question = replace(answer._question, deadline=0.0)
    desk.run()
    assert desk.told[0].done().status == "incomplete"


def test_a_cancelled_question_ends_although_it_is_not_its_turn() -> None:
    desk = Desk(batch=1)
    desk.ask()
    desk.ask().cancel()
    desk.step()
    assert desk.told[1].done().status == "cancelled"
    assert desk.done(0) is None


def test_what_is_under_way_at_the_end_is_told() -> None:
    desk = Desk()
    desk.ask()
    desk.step()
    desk.answers.close()
    assert desk.told[0].done().reason == "closed"
    assert isinstance(desk.told[0].events[0], Started)
    assert len(desk.answers) == 0
