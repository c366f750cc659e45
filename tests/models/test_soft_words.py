"""Laws of the projector: what its formula says, one token at a time, and its gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longwatch.models.soft_words import ANCHORS, SoftWords, Weights, Words, likely

WIDTH, NAMES = 12, 20
WORDS = Words(range(20, 44), range(44, 104), range(104, 164), range(164, 175))
TABLE = torch.randn(175, WIDTH, generator=torch.Generator().manual_seed(0))
WEIGHTS = Weights(scale=8.0, time=0.6, colour=0.4)
NAN = float("nan")
MOMENTS = st.floats(0, 30 * 3600)
PLACES = st.floats(0, 1)


@pytest.fixture(scope="module")
def soft() -> SoftWords:
    torch.manual_seed(1)
    return SoftWords(WIDTH, WORDS, WEIGHTS)


def one(soft: SoftWords, place: tuple[float, float], time: float, p: float = 0.75) -> torch.Tensor:
    colour = torch.zeros(1, 11)
    colour[0, 2] = 1
    ids, chance = torch.tensor([[3, 7]]), torch.tensor([[p, 0.1]])
    when = torch.tensor([time], dtype=torch.float64)
    out: torch.Tensor = soft(TABLE, ids, chance, torch.tensor([place]), colour, when)
    return out[0].detach()


@given(MOMENTS, PLACES, PLACES)
def test_a_token_is_the_formula(time: float, x: float, y: float) -> None:
    torch.manual_seed(1)
    soft = SoftWords(WIDTH, WORDS, WEIGHTS)
    second, minute, hour = int(time) % 60, int(time) // 60 % 60, int(time) // 3600 % 24
    when = TABLE[44 + minute] + TABLE[104 + second] + (TABLE[20 + hour] if hour else 0)
    wanted = 0.75 * TABLE[3] + 0.1 * TABLE[7] + 0.6 * when + 0.4 * TABLE[166]
    wanted = wanted + 0.75 * soft.confidence
    whole = 8 * (wanted + soft.whole)
    assert torch.allclose(one(soft, (NAN, NAN), time), whole, atol=1e-4)
    where = torch.zeros(WIDTH)
    for anchors, at in ((soft.x, x), (soft.y, y)):
        for i in range(ANCHORS):  # tents around the middles of the ninths, flat outside
            middle = min(max(at * ANCHORS - 0.5, 0), ANCHORS - 1)
            where = where + max(0.0, 1 - abs(middle - i)) * anchors[i]
    assert torch.allclose(one(soft, (x, y), time), 8 * (wanted + where), atol=1e-3)


@pytest.mark.parametrize("cells", [3, 9])
def test_the_middles_of_cells_lie_on_anchors(soft: SoftWords, cells: int) -> None:
    for i in range(cells):
        at = (i + 0.5) / cells
        moved = one(soft, (at, 0.5), 5.0) - one(soft, (0.5, 0.5), 5.0)
        anchor = int(at * ANCHORS)
        assert torch.allclose(moved, 8 * (soft.x[anchor] - soft.x[ANCHORS // 2]), atol=1e-4)


def test_many_tokens_at_once_are_as_one_by_one(soft: SoftWords) -> None:
    torch.manual_seed(2)
    n = 50
    ids, p = torch.randint(NAMES, (n, 5)), torch.rand(n, 5) / 5
    place, time = torch.rand(n, 2), torch.rand(n) * 40_000
    place[::7] = NAN
    colour = torch.rand(n, 11).softmax(-1)
    together = soft(TABLE, ids, p, place, colour, time)
    for i in range(n):
        row = slice(i, i + 1)
        alone = soft(TABLE, ids[row], p[row], place[row], colour[row], time[row])
        assert torch.allclose(together[row], alone, atol=1e-5)


def test_every_part_learns(soft: SoftWords) -> None:
    table = TABLE.clone().requires_grad_()
    place = torch.tensor([[NAN, NAN], [0.2, 0.9]])
    colour, time = torch.full((2, 11), 1 / 11), torch.tensor([5.0, 3605.0])
    ids, p = torch.tensor([[0], [1]]), torch.tensor([[0.5], [0.9]])
    soft(table, ids, p, place, colour, time).square().sum().backward()
    for part in (soft.x, soft.y, soft.whole, soft.confidence):
        assert part.grad is not None
        assert part.grad.isfinite().all()
        assert part.grad.any()
    assert table.grad is not None
    used = table.grad.any(1).nonzero().flatten().tolist()
    assert used == [0, 1, 21, 44, 109, *range(164, 175)]


def test_only_learned_vectors_are_kept(soft: SoftWords) -> None:
    assert {*soft.state_dict()} == {"x", "y", "whole", "confidence"}


def test_columns_of_one_name_count_together_and_those_without_a_name_do_not() -> None:
    classes = torch.tensor([0, 1, 2, 1])
    probabilities = torch.tensor([[0.2, 0.15, 0.05, 0.1, 0.5], [0.1, 0.0, 0.2, 0.0, 0.7]])
    ids, p = likely(probabilities, classes, 2)
    assert ids.tolist() == [[1, 0], [2, 0]]
    assert torch.allclose(p, torch.tensor([[0.25, 0.2], [0.2, 0.1]]))
