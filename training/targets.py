"""What the head should say of a cell: names shared out by how much of the cell they fill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from longwatch.models.efficientnet import CLASSES

if TYPE_CHECKING:
    from torch import Tensor

    from training.cells import Cells

NAMES = Path("models/bundled/names.json")  # of every column
FILLED = 0.3  # a thing that covers so much of a cell has it to itself
WITHIN = 0.35  # so has one that lies in it with so much of its area


def twins() -> Tensor:
    """Return each concept's ImageNet column of the same name, (K,), -1 where there is none."""
    names = columns()
    first = {name: i for i, name in reversed(list(enumerate(names[:CLASSES])))}
    return torch.tensor([first.get(name, -1) for name in names[CLASSES:]])


def columns() -> list[str]:
    """Return the name of each of the head's columns but the last, "nothing I know"."""
    names: list[str] = json.loads(NAMES.read_text(encoding="utf-8"))
    return names


def strengths(cells: Cells) -> Tensor:
    """Return how much of each token is whose, (frames, tokens, t); a token's sum is at most 1."""
    area, box, share = (torch.from_numpy(x).float() for x in (cells.area, cells.box, cells.share))
    return claimed(area, box, share) * torch.from_numpy(cells.names >= 0)[:, None]


def claimed(area: Tensor, box: Tensor, share: Tensor) -> Tensor:
    """Return how much of tokens is whose, (..., t); a token's sum is at most 1.

    What several claim is shared out by area.

    Args:
        area: (..., t), how much of the token each thing covers.
        box: (..., t), the same of the things' bounding boxes.
        share: (..., t), how much of the thing is in the token.
    """
    claim = torch.maximum(share / WITHIN, (area + box) / 2 / FILLED).clamp(max=1)
    weight = claim * area
    parts = weight / weight.sum(-1, keepdim=True).clamp(min=1e-9)
    return claim.amax(-1, keepdim=True) * parts


def merged(logits: Tensor, twin: Tensor) -> Tensor:
    """Return logits with each pair of one name as one: it keeps the concept's column.

    Args:
        logits: (..., 1000 + K + 1).
        twin: (K,) as `twins` gives it.
    """
    own = torch.where(twin >= 0)[0]
    other, mine = twin[own], CLASSES + own
    out = logits.clone()
    out[..., mine] = torch.logaddexp(logits[..., mine], logits[..., other])
    out[..., other] = float("-inf")
    return out
