"""The evaluation asks about worlds that were never trained on and counts exact answers."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.models.bundled_model import BundledVLM, load_bundled
from longwatch.stream.sources.world import World
from longwatch.types import VisualTokens
from tests.training.loaded import shipped
from tests.training.small import language_model
from training import evaluate, sprites
from training.lessons import SEEDS
from training.questions import KINDS, Truth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("exported")
    shipped(language_model(), made)
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> BundledVLM:
    return load_bundled(folder=folder)


def plain(name: str) -> Mapping[str, NDArray[np.uint8]]:
    """Return sprites of a set of one style: squares of a colour of the name's own."""
    return {
        concept: np.full((32, 32, 4), 255 - len(concept), np.uint8)
        for concept in sprites.concepts()
    }


def test_no_world_of_the_evaluation_is_one_of_the_training() -> None:
    assert evaluate.SEEDS >= SEEDS


@given(st.integers(0, 1000), st.sampled_from(KINDS), st.integers(1, 12))
def test_questions_are_of_their_kind_and_about_the_end(seed: int, kind: str, frames: int) -> None:
    truth = Truth(World(seed, [f"thing {i}" for i in range(50)]), range(frames))
    asked = evaluate.ask(truth, kind, Random(seed), "train")
    assert len(asked) <= evaluate.EACH
    assert all(question.kind == kind for question in asked)
    assert all(frame < frames for question in asked for frame in question.frames)


@torch.inference_mode()
def test_accuracy_counts_exact_answers(model: BundledVLM, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def oracle(_: object, __: object, question: Any) -> str:
        asked.append(len(asked) % 3 == 0)
        return str(question.answers[-1]) if asked[-1] else "something else"

    monkeypatch.setattr(evaluate, "answer", oracle)
    rows = evaluate.accuracy(model, "simulated", 3, 2, 0)
    by_kind = {row["kind"]: row for row in rows}
    every = by_kind.pop("all")
    assert set(by_kind) <= set(KINDS)
    assert every["questions"] == len(asked) == sum(row["questions"] for row in by_kind.values())
    right = sum(row["accuracy"] * row["questions"] for row in by_kind.values())
    assert right == pytest.approx(sum(asked))
    assert every["accuracy"] == pytest.approx(np.mean([r["accuracy"] for r in by_kind.values()]))


@torch.inference_mode()
def test_blind_shows_another_stream_than_it_asks_about(
    model: BundledVLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sprites, "sprites", plain)
    shown: list[object] = []
    made: list[evaluate.Stream] = []
    streams = evaluate.streams

    def spy(*given: Any) -> Any:
        for stream in streams(*given):
            made.append(stream)
            yield stream

    def keep(_: object, snapshot: object, question: object) -> str:
        shown.append(snapshot)
        assert question in made[-1].questions
        return ""

    monkeypatch.setattr(evaluate, "streams", spy)
    monkeypatch.setattr(evaluate, "answer", keep)
    monkeypatch.setattr(evaluate, "look", blank)
    evaluate.accuracy(model, "blind", 2, 2, 0)
    assert shown
    assert all(one is made[0].snapshot for one in shown)


def blank(model: BundledVLM, _: object, times: Sequence[float]) -> list[VisualTokens]:
    tokens = torch.zeros(10, 64)
    return [VisualTokens(tokens, model.positions, (3, 3)) for _ in times]


def test_the_summary_holds_the_contract_s_figures() -> None:
    row = {"style": "trained", "frames": 16, "kind": "all", "accuracy": 0.5, "questions": 60}
    rows: list[dict[str, Any]] = [
        row,
        row | {"frames": 1, "kind": "naming", "accuracy": 0.9},
        row | {"frames": 1, "kind": "naming", "accuracy": 0.7, "style": "near"},
        row | {"kind": "unanswerable", "accuracy": 1.0, "questions": 10},
        row | {"kind": "unanswerable", "accuracy": 0.0, "questions": 30, "frames": 64},
        row | {"kind": "unanswerable", "accuracy": 0.0, "questions": 30, "style": "far"},
    ]
    assert evaluate.summarise(rows) == {
        "accuracy_16": 0.5,
        "naming_trained_styles": 0.9,
        "naming_near_style": 0.7,
        "unanswerable": 0.25,
    }


@pytest.mark.slow
def test_a_quick_run_reports_every_length(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sprites, "sprites", plain)
    path = tmp_path / "evaluation.json"
    monkeypatch.setattr(evaluate, "EACH", 1)
    given = ["--quick", "--folder", str(folder), "--styles", "simulated"]
    evaluate.main([*given, "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    found = {(row["style"], row["frames"]) for row in report["rows"] if row["kind"] == "all"}
    assert found == {("simulated", n) for n in evaluate.QUICK}
    assert {"fps_2_threads", "naming_near_style"} <= report["summary"].keys()
