"""The tokens of a frame, apart and together again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


def cut(tokens: VisualTokens, start: int, stop: int) -> VisualTokens:
    """Return the tokens from `start` to below `stop`, as views. A summary stays one."""
    return replace(
        tokens,
        embeds=tokens.embeds[start:stop],
        positions=tokens.positions[:, start:stop],
        extras=tuple(extra[start:stop] for extra in tokens.extras),
        saliency=None if tokens.saliency is None else tokens.saliency[start:stop],
        summary=max(0, min(stop, tokens.summary) - start) if start < tokens.summary else 0,
    )


def join(front: VisualTokens, cells: VisualTokens) -> VisualTokens:
    """Return the tokens of `front`, which are of the whole frame, and then those of `cells`."""
    saliency = None
    if front.saliency is not None and cells.saliency is not None:
        saliency = torch.cat([front.saliency, cells.saliency])
    return replace(
        cells,
        embeds=torch.cat([front.embeds, cells.embeds]),
        positions=torch.cat([front.positions, cells.positions], 1),
        extras=tuple(map(torch.cat, zip(front.extras, cells.extras, strict=True))),
        saliency=saliency,
        summary=len(front),
    )
