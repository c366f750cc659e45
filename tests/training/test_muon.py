"""Muon: directions are orthogonal, steps go downhill, and two processes do what one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.muon import Muon, orthogonal
from training.together import joined, spread

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = [(4, 6), (8, 3), (5, 5)]


def matrix(rows: int, columns: int, smallest: float, seed: int) -> Tensor:
    """Return a matrix whose singular values lie between `smallest` and 1."""
    rng = torch.Generator().manual_seed(seed)
    u, _, v = torch.linalg.svd(torch.randn(rows, columns, generator=rng), full_matrices=False)
    few = min(rows, columns)
    made: Tensor = u @ torch.diag(torch.linspace(1, smallest, few)) @ v
    return made


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 24),
    st.integers(1, 24),
    st.floats(0.05, 1),
    st.floats(1e-3, 1e3),
    st.integers(0, 99),
)
def test_singular_values_come_near_one(
    rows: int, columns: int, smallest: float, size: float, seed: int
) -> None:
    given_one = size * matrix(rows, columns, smallest, seed)
    made = orthogonal(given_one)
    assert made.shape == given_one.shape
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.6
    assert values.max() < 1.3
    u, _, v = torch.linalg.svd(given_one, full_matrices=False)
    assert ((u.T @ made @ v.T).diagonal() > 0.6).all()  # it turns nothing around


def test_a_matrix_without_gradient_stays_and_the_others_go_downhill() -> None:
    p, other = torch.nn.Parameter(matrix(6, 4, 0.2, 0)), torch.nn.Parameter(torch.ones(2, 2))
    target = matrix(6, 4, 0.2, 1)
    optimiser = Muon([p, other], lr=0.05)
    losses = []
    for _ in range(60):
        loss = (p - target).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[1] < losses[0]
    assert losses[-1] < 0.05 * losses[0]
    assert torch.equal(other, torch.ones(2, 2))


def steps() -> list[Tensor]:
    """Return what three steps make of some matrices."""
    parameters = [torch.nn.Parameter(matrix(*shape, 0.2, i)) for i, shape in enumerate(SHAPES)]
    optimiser = Muon(parameters, lr=0.1)
    for step in range(3):
        for i, p in enumerate(parameters):
            p.grad = matrix(*SHAPES[i], 0.3, 10 * step + i)
        optimiser.step()
    return [p.detach() for p in parameters]


def process(rank: int, folder: Path) -> None:
    with joined(rank, folder):
        torch.save(steps(), folder / f"{rank}.pt")


@pytest.mark.slow
def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    spread(process, tmp_path)
    for rank in range(2):
        for ours, wanted in zip(torch.load(tmp_path / f"{rank}.pt"), steps(), strict=True):
            assert torch.allclose(ours, wanted, atol=1e-6)
