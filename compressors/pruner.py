"""The interface of methods that drop visual tokens inside the language model, on its read pass."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from longwatch.compressors.similarity import top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

ROUNDING = 1e-6


class Look(NamedTuple):
    """What one layer of the language model shows of the v visual tokens that are left."""

    attention: Tensor  # (r, v) fp32: what each rater pays to each of them, mean over heads
    hidden: Tensor  # (v, d): their hidden states after the layer


class Left(NamedTuple):
    """The tokens that go on to the next layer."""

    kept: Tensor  # (k,) int64, rising: which of the v
    hidden: Tensor  # (k, d)


@dataclass(frozen=True)
class Pruner(ABC):
    """Drops visual tokens between two layers, by what the layers below made of them.

    As published these methods rate visual tokens by the question's attention. While a stream is
    read no question is known, so the raters are what closes a frame: its tokens of text, such as
    its time, and its last token, which comes last in `Look.attention`. Dropped tokens are not
    seen by any later frame or question, in no layer: one number of tokens for all layers is what
    a memory stores. As published, the lower layers keep them.

    A pruner is settings only. Nothing but this frame and what is stored decides.
    """

    paper: ClassVar[str | None] = None  # arXiv id

    keep: float = 0.5  # share of a frame's visual tokens that is left at the end, 0 < keep <= 1

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 < self.keep <= 1:
            raise ConfigError(
                "a pruner's keep is the share of a frame's visual tokens that is left, above 0 and "
                f"at most 1, not {self.keep}"
            )

    def at(self, share: float) -> Self:
        """Return this method with `share` of each frame's tokens left at the end."""
        return replace(self, keep=share)

    @abstractmethod
    def stages(self, layers: int) -> dict[int, float]:
        """Return after which of a model's layers, from 0, it drops tokens: the share left then."""

    def prune(self, look: Look, count: int) -> Left:
        """Return `count` of the tokens that are left, 1 <= count <= v; at `count` = v, all."""
        kept = top(look.attention[-1], count)
        return Left(kept, look.hidden[kept])


def count_of(share: float, n: int) -> int:
    """Return how many of `n` tokens a share is: rounded down, at least one."""
    return max(1, math.floor(share * n + ROUNDING))


def below_last(layer: int, layers: int) -> int:
    """Return `layer`, or where a model is too shallow the last one with a layer above it."""
    return max(0, min(layer, layers - 2))
