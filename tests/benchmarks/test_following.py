"""What the benchmark of questions that ask on draws and reports."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks import following
from longwatch.models.bundled_model import load_bundled
from longwatch.stream.sources.synthetic import SyntheticSource
from training.answering import read
from training.questions import Question, Truth, ground_truth

SEEN = Truth(SyntheticSource(5).world, [float(t) for t in range(16)])


@pytest.mark.parametrize("form", following.FORMS)
def test_every_form_asks_on_and_has_answers(form: str) -> None:
    asked = following.drawn(form, SEEN, 6, Random(0))
    assert len(asked) == 6
    assert all(question.history and question.answers for question in asked)


def test_about_the_same_thing_the_answer_before_names_none() -> None:
    for question in following.drawn("same_thing", SEEN, 12, Random(1)):
        assert set(question.names) & {"running shoe", "owl", "high heel"}
        assert question.history[0][1] not in question.names
        fact = ground_truth.ABOUT[question.kind](SEEN, 15, question.names[0])
        assert fact is not None
        assert question.answers == fact.answers


@pytest.mark.parametrize(("said", "right"), [("owl", True), ("fox", False)])
def test_an_answer_is_right_when_it_is_one_of_the_question_s(
    said: str, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_bundled()
    monkeypatch.setattr(following, "spoken", lambda *_: model.tokenizer.encode(said))
    asked = Question("now", "?", ("eagle", "owl"))
    assert following.right(model, read(model, []), asked, [1]) is right


def test_a_quick_run_reports_every_form() -> None:
    report = following.main(["--quick"])
    assert [row["form"] for row in report["rows"]] == list(following.FORMS)
    for row in report["rows"]:
        low, high = sorted((row["right_spoken"], row["right_alone"]))
        assert 0 <= low <= high <= 1
        assert row["gain"][0] == pytest.approx(row["right_alone"] - row["right_spoken"])
