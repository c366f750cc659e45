"""Which tokens are worth more than others, once a frame is no longer new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class Thinning:
    """Seals the `tokens` of a frame that stand out most, see `salience`."""

    tokens: int = 3  # of a frame

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.tokens < 1:
            raise ConfigError(f"at least 1 token of a frame must be sealed, not {self.tokens}")

    def thin(self, frame: Segment) -> Segment:
        """Return the frame with these tokens alone; one that has no more is returned itself."""
        if len(frame) <= self.tokens:
            return frame
        kept = strongest(salience(torch.stack(frame.keys), torch.stack(frame.values)), self.tokens)
        return frame.take(kept)


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
