"""A step follows the gradient of the mean over questions, in all processes alike."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.small import LESSON, language_model
from training.batches import collate
from training.optimise import SHARES, Optimiser, total
from training.parts import make_maker
from training.together import joined, spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.language import LanguageModel
    from training.lessons import Maker, Sample


@cache
def maker() -> Maker:
    return make_maker()


def samples(count: int) -> list[Sample]:
    rng = np.random.default_rng(0)
    return [maker().sample(LESSON, rng) for _ in range(count)]


def loss_of(model: LanguageModel, some: Sequence[Sample]) -> Tensor:
    batch = collate(some, maker().ids)
    losses, extra = model(batch)
    return total(batch, losses, extra, 0.0)


def test_the_loss_is_a_mean_over_questions_and_shares_of_the_rest() -> None:
    model, batch = language_model(), collate(samples(2), maker().ids)
    losses, extra = model(batch)
    every = [losses[batch.question == i].mean() for i in batch.question.unique()]
    wanted = torch.stack(every).mean()
    assert torch.allclose(total(batch, losses, extra, 0.0), wanted)
    for name, value in extra.items():
        wanted = wanted + 0.5 * SHARES.get(name, 1.0) * value
    assert torch.allclose(total(batch, losses, extra, 0.5), wanted)


def test_steps_learn_a_batch_by_heart() -> None:
    model, some = language_model(), samples(1)
    optimiser, losses = Optimiser(model), list[float]()
    for _ in range(30):
        loss = loss_of(model, some)
        optimiser.step(loss, 1.0)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    model = language_model()
    optimiser, before = Optimiser(model), {k: v.clone() for k, v in model.state_dict().items()}
    norm = optimiser.step(loss_of(model, samples(1)) * float("nan"), 1.0)
    assert not np.isfinite(norm)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert optimiser.step(loss_of(model, samples(1)), 1.0) > 0  # and the next one is as ever


def steps(model: LanguageModel, parts: Sequence[Sequence[Sample]]) -> dict[str, Tensor]:
    """Return the weights after steps on the mean loss over `parts`."""
    optimiser = Optimiser(model)
    for _ in range(2):
        losses = [loss_of(model, part) for part in parts]
        optimiser.step(torch.stack(losses).mean(), 1.0)
    return model.state_dict()


def process(rank: int, folder: Path) -> None:
    with joined(rank, folder):
        torch.save(steps(language_model(), [samples(2)[rank : rank + 1]]), folder / f"{rank}.pt")


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    spread(process, tmp_path)
    one, other = samples(2)
    wanted = steps(language_model(), [[one], [other]])
    start = language_model().state_dict()
    ours, theirs = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name, tensor in wanted.items():
        assert torch.equal(ours[name], theirs[name])
        moved = (tensor - start[name]).abs().max()
        assert (ours[name] - tensor).abs().max() <= 0.1 * moved + 1e-6, (
            name
        )  # AdamW blows up rounding at first
