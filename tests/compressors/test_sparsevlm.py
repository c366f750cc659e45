"""SparseVLM, against what its paper says."""

from __future__ import annotations

import pytest
import torch

from longwatch.compressors import SparseVLM
from longwatch.compressors.pruner import Look
from longwatch.compressors.sparsevlm import scores
from longwatch.errors import ConfigError


def test_it_drops_after_the_layers_that_the_paper_names() -> None:
    assert list(SparseVLM().stages(32)) == [1, 5, 14]


def test_only_raters_that_look_at_the_picture_count() -> None:
    attention = torch.tensor([[0.0, 0.0, 0.1], [0.6, 0.3, 0.0], [0.2, 0.5, 0.2]])
    assert scores(attention).tolist() == pytest.approx([0.4, 0.4, 0.1])


def test_raters_that_are_alike_all_count() -> None:
    assert scores(torch.full((3, 4), 0.1)).tolist() == pytest.approx([0.1] * 4)


def test_what_is_recycled_is_the_sum_of_its_group() -> None:
    attention = torch.tensor([[0.9, 0.8, 0.4, 0.3, 0.2, 0.1]])
    hidden = torch.tensor([[9.0, 9], [8, 8], [1, 0], [1, 0.1], [0, 5], [0, 5.2]])
    method = SparseVLM(tau=1.0, theta=0.5, neighbours=2)
    left = method.prune(Look(attention, hidden), 3)  # one stays, the five others become two
    assert left.kept[0] == 0
    assert torch.equal(left.hidden[0], hidden[0])
    rest = hidden[1:].sum(0)
    assert left.hidden[1:].sum(0).tolist() == pytest.approx(rest.tolist())


def test_nothing_is_recycled_where_one_token_is_left() -> None:
    left = SparseVLM(tau=1.0).prune(Look(torch.tensor([[0.1, 0.7, 0.2]]), torch.eye(3)), 1)
    assert left.kept.tolist() == [1]
    assert torch.equal(left.hidden, torch.eye(3)[1:2])


@pytest.mark.parametrize("wrong", [{"tau": 1.1}, {"theta": -0.1}, {"neighbours": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SparseVLM(**wrong)  # type: ignore[arg-type]
