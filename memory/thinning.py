"""Which tokens are worth more than others, once a frame is no longer new."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.segment import Segment
    from longwatch.memory.table import Tokens


@dataclass(frozen=True)
class Thinning:
    """Seals a share of a frame's tokens, at least one: the most important, see `rating`.

    Of a frame that was not rated it is those that stand out most, see `salience`.
    """

    share: float = 0.4  # of the frame's tokens

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.share <= 1:
            raise ConfigError(f"the share of tokens to seal must be in (0, 1], not {self.share}")

    def thin(self, frame: Segment) -> Segment:
        """Return the frame with these tokens alone; what was thinned before is returned itself."""
        count = max(1, round(self.share * len(frame)))
        if frame.thinned or count >= len(frame):
            return frame
        weight = frame.importance
        if weight is None:
            weight = salience(torch.stack(frame.keys), torch.stack(frame.values))
        return replace(frame.take(strongest(weight, count)), thinned=True)


def chosen(tokens: Tokens, keys: Tensor, values: Tensor, count: int) -> Tensor:
    """Return the indices, rising, of the tokens that stay when blocks age.

    `keys` and `values` are (L, h, n, d). Where all tokens are rated, the most important stay, so
    that frames that repeat others lose more. Else those that stand out, some of every frame.
    """
    if count >= len(tokens):
        return torch.arange(len(tokens))
    if not np.isnan(tokens.importance).any():
        return strongest(torch.from_numpy(tokens.importance.astype(np.float32)), count)
    return fairest(salience(keys, values), tokens.frame, count)


def salience(keys: Tensor, values: Tensor) -> Tensor:
    """Return how much each token stands out, (n,) fp32, of keys and values (L, h, n, d).

    It is the distance of its values from the mean of all n, in each head by the spread of that
    head, summed over heads and layers: what is like everything else can be told without it.
    """
    values = values.float()
    away = (values - values.mean(2, keepdim=True)).square().sum(-1)  # (L, h, n)
    spread = away.mean(2, keepdim=True).clamp_min(1e-12)
    weight: Tensor = (away / spread).sum((0, 1))
    return weight


def strongest(weight: Tensor, count: int) -> Tensor:
    """Return the indices, rising, of the `count` largest weights, the earlier of equals."""
    if count >= len(weight):
        return torch.arange(len(weight))
    order = weight.cpu().argsort(descending=True, stable=True)
    return order[:count].sort().values


def fairest(weight: Tensor, frames: NDArray[np.integer[Any]], count: int) -> Tensor:
    """Return the indices, rising, of the `count` largest weights, each frame's largest first.

    `frames` (n,) has the frame of each token. None is left without a token while there is one for
    each: when something was there is told by the frames that are left.
    """
    order = weight.cpu().argsort(descending=True, stable=True)
    ranked = frames[order.numpy()]
    _, first = np.unique(ranked, return_index=True)
    best = np.zeros(len(ranked), np.bool_)
    best[first] = True
    at = torch.from_numpy(np.flatnonzero(best)), torch.from_numpy(np.flatnonzero(~best))
    return order[torch.cat(at)[:count]].sort().values
