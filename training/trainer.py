"""Stages of training in one of several processes, and the state that they go on from."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import distributed

from longwatch.errors import ConfigError
from training.batches import collate
from training.optimise import Optimiser, total
from training.scores import score
from training.together import agreed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from training.language import Batch, LanguageModel
    from training.lessons import Lesson, Maker

STATE = "state.pt"
EVERY = 25  # steps between lines of the log
SAVED = 60  # seconds between states
WARM = 40  # first steps, whose rate rises


@dataclass(frozen=True)
class Stage:
    """A stretch of training; it ends after so many minutes, or after so many steps if given."""

    name: str
    minutes: float
    lesson: Lesson
    streams: int = 3  # a step and process
    rate: tuple[float, float] = (1.0, 1.0)  # of the full learning rates, at its start and end
    auxiliary: float = 0.2
    steps: int | None = None

    def part(self, minutes: float, steps: int) -> float:
        """Return how much of it is done after so long, 0 to 1 or more."""
        return minutes / self.minutes if self.steps is None else steps / self.steps


@dataclass
class Progress:
    """How far the training is."""

    stage: int = 0  # number of the stage
    step: int = 0  # of all stages
    spent: float = 0.0  # seconds in this stage
    begun: int = 0  # step at the start of this stage


class Trainer:
    """Trains a model on what a maker draws; each process runs one, in step with the others.

    Args:
        model: the same weights in every process.
        maker: draws streams; what it draws depends on the process, the stage and the step alone.
        work: folder of the state.
        results: folder of the stages' logs, one JSON object a line.
    """

    def __init__(self, model: LanguageModel, maker: Maker, work: Path, results: Path) -> None:
        """Start from the model's weights."""
        self.model, self.maker = model, maker
        self.optimiser = Optimiser(model)
        self.progress = Progress()
        together = distributed.is_initialized()
        self._rank = distributed.get_rank() if together else 0
        self._work, self._results = work, results
        self._recent: dict[str, list[float]] = defaultdict(list)

    def load(self) -> None:
        """Go on from the state in the work folder.

        Raises:
            ConfigError: there is none.
        """
        file = self._work / STATE
        if not file.exists():
            raise ConfigError(f"there is no {file} to go on from; run without --resume first")
        state = torch.load(file, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load(state["optimiser"])
        self.progress = Progress(**{k: state[k] for k in vars(Progress()) if k in state})

    def run(self, stages: Sequence[Stage]) -> None:
        """Go through the stages that are not done."""
        while self.progress.stage < len(stages):
            stage = stages[self.progress.stage]
            self._go_through(stage)
            done = self.progress
            self.progress = Progress(done.stage + 1, done.step, begun=done.step)
            self.save(STATE)
            self.save(f"{stage.name}.pt")

    def save(self, name: str) -> None:
        """Write the state into the work folder, if this is the first process."""
        if self._rank:
            return
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state()}
        file = self._work / name
        torch.save(state | vars(self.progress), file.with_suffix(".part"))
        file.with_suffix(".part").replace(file)

    def _go_through(self, stage: Stage) -> None:
        start = time.monotonic() - self.progress.spent
        saved = time.monotonic()
        while (part := self._part(stage)) < 1:
            self._report(stage, self.step(stage, part))
            now = time.monotonic()
            self.progress.spent = now - start
            if now - saved > SAVED:
                saved = now
                self.save(STATE)

    def _part(self, stage: Stage) -> float:
        """Return how much of the stage is done, the same in every process."""
        done = self.progress
        return agreed(stage.part(done.spent / 60, done.step - done.begun))

    def step(self, stage: Stage, part: float) -> float:
        """Learn from one batch, `part` of the way through the stage; return the gradient's norm."""
        done = self.progress
        rng = np.random.default_rng([self._rank, done.stage, done.step])
        samples = [self.maker.sample(stage.lesson, rng) for _ in range(stage.streams)]
        batch = collate(samples, self.maker.ids)
        losses, extra = self.model(batch)
        loss = total(batch, losses, extra, stage.auxiliary)
        first, last = stage.rate
        rate = (first + (last - first) * part) * min(1.0, (done.step + 1) / WARM)
        norm = self.optimiser.step(loss, rate)
        done.step += 1
        self._note(batch, {"loss": loss, "answers": losses.mean(), **extra})
        return norm

    def _note(self, batch: Batch, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            self._recent[name].append(float(value.detach()))
        for kind, values in score(self.model, batch).items():
            self._recent[kind] += values

    def _report(self, stage: Stage, norm: float) -> None:
        """Write a line with the means since the last one, if it is time for one."""
        done = self.progress
        if done.step % EVERY or self._rank:
            return
        line: dict[str, Any] = {"step": done.step, "minutes": round(done.spent / 60, 2)}
        line["norm"] = round(norm, 2)
        line |= {name: round(float(np.mean(found)), 3) for name, found in self._recent.items()}
        self._recent.clear()
        with (self._results / f"{stage.name}.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
