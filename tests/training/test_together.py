"""Processes agree on the first one's value and on the mean of their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from training.together import agreed, average, joined, spread

if TYPE_CHECKING:
    from pathlib import Path


def meet(rank: int) -> tuple[float, list[float]]:
    weights = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    for i, weight in enumerate(weights):
        weight.grad = torch.full_like(weight, 10.0 * i + rank)
    average(weights)
    grads = [float(g) for weight in weights if weight.grad is not None for g in weight.grad]
    return agreed(5.0 + rank), grads


def process(rank: int, folder: Path) -> None:
    with joined(rank, folder):
        torch.save(meet(rank), folder / f"{rank}.pt")


@pytest.mark.slow
def test_two_processes_agree(tmp_path: Path) -> None:
    spread(process, tmp_path)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == (5.0, [0.5, 0.5, 10.5])


def test_one_alone_keeps_what_it_has() -> None:
    assert meet(1) == (6.0, [1.0, 1.0, 11.0])
