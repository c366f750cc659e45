"""The head gives one distribution, keeps the tower's own names, and survives its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from longwatch.errors import ModelError
from longwatch.models.concept_head import ConceptHead, load_head
from longwatch.models.efficientnet import HEAD, MIDDLE

if TYPE_CHECKING:
    from pathlib import Path

CONCEPTS = 7


def a_head() -> ConceptHead:
    torch.manual_seed(0)
    return ConceptHead(nn.Linear(1280, 1000), CONCEPTS).eval()


def test_each_token_gets_one_distribution_over_both_families() -> None:
    p = a_head()(torch.rand(2, 10, 2 * HEAD))
    assert p.shape == (2, 10, 1000 + CONCEPTS + 1)
    assert torch.allclose(p.sum(-1), torch.ones(2, 10))


def test_the_towers_classes_keep_their_ratios() -> None:
    head = a_head()
    features = torch.rand(1, 3, 2 * HEAD)
    ours = head(features)[..., :1000]
    own = head.classifier(features[..., :HEAD]).softmax(-1)
    assert torch.allclose(ours / ours.sum(-1, keepdim=True), own, atol=1e-6)


def test_a_file_holds_what_is_the_heads_own(tmp_path: Path) -> None:
    head, path = a_head(), tmp_path / "head.safetensors"
    save_file(head.own_state(), path)
    again = load_head(path, head.classifier)
    features = torch.rand(1, 2, 2 * HEAD)
    assert torch.equal(again(features), head(features))
    middle = torch.randn(1, MIDDLE, 9, 9)
    assert torch.equal(again.top(middle), head.top(middle))
    assert not any(name.startswith("classifier") for name in head.own_state())


@pytest.mark.parametrize("content", [None, b"not tensors"])
def test_a_file_that_cannot_be_used_is_an_error_that_names_it(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "head.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"head\.safetensors"):
        load_head(path, nn.Linear(1280, 1000))


def test_a_head_of_another_tower_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    save_file(a_head().own_state(), path)
    with pytest.raises(ModelError):
        load_head(path, nn.Linear(640, 1000))
