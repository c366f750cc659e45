"""Training goes on from its state as if it had never stopped, and writes down how it goes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from tests.training.small import LESSON, language_model
from training import trainer
from training.parts import make_maker
from training.trainer import EVERY, STATE, Stage, Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from training.lessons import Maker

STAGES = [
    Stage("one", 1, LESSON, streams=1, steps=2),
    Stage("two", 1, LESSON, streams=1, steps=3, rate=(1.0, 0.2)),
]


@cache
def maker() -> Maker:
    return make_maker()


def fresh(work: Path, seed: int = 0) -> Trainer:
    return Trainer(language_model(seed), maker(), work, work)


def weights(made: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in made.model.state_dict().items()}


def test_going_on_from_the_state_is_the_same_as_not_stopping(tmp_path: Path) -> None:
    whole = fresh(tmp_path)
    before = weights(whole)
    whole.run(STAGES)
    wanted = weights(whole)
    assert any(not torch.equal(before[name], wanted[name]) for name in wanted)
    halfway = fresh(tmp_path)
    halfway.run(STAGES[:1])
    for part in (0.0, 1 / 3):
        halfway.step(STAGES[1], part)
    halfway.save(STATE)
    resumed = fresh(tmp_path, seed=1)
    resumed.load()
    assert resumed.progress == halfway.progress
    resumed.run(STAGES)
    assert resumed.progress.stage == 2
    assert resumed.progress.step == 5
    for name, tensor in weights(resumed).items():
        assert torch.equal(tensor, wanted[name]), name


def test_there_must_be_a_state_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--resume"):
        fresh(tmp_path).load()


def test_every_few_steps_a_line_says_how_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "EVERY", 2)
    stage = replace(STAGES[0], steps=5)
    fresh(tmp_path).run([stage])
    lines = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert all({"minutes", "norm", "loss", "answers", "evidence"} <= line.keys() for line in lines)
    assert EVERY > 2


@given(st.floats(0.1, 100), st.integers(1, 1000), st.floats(0, 200), st.integers(0, 2000))
def test_a_stage_ends_after_its_minutes_or_its_steps(
    minutes: float, most: int, spent: float, steps: int
) -> None:
    timed, counted = Stage("timed", minutes, LESSON), Stage("counted", minutes, LESSON, steps=most)
    assert (timed.part(spent, steps) >= 1) == (spent >= minutes)
    assert (counted.part(spent, steps) >= 1) == (steps >= most)
