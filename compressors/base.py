"""The interface of every token compressor."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import torch

from longwatch.compressors.parts import cut, join
from longwatch.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from longwatch.types import VisualTokens

StateT = TypeVar("StateT")
ROUNDING = 1e-6  # so that 50 / 196 of 196 tokens are 50


class Compressor(ABC, Generic[StateT]):
    """Shrinks a stream's visual tokens before the language model reads them.

    A compressor is settings only, so that all streams share one. What it must remember between
    two frames lives in the state, which the stream owns and hands back. A state is never changed
    in place: a frame that fails later on is forgotten by keeping the state from before it.
    """

    paper: ClassVar[str | None] = None  # arXiv id

    @abstractmethod
    def new_state(self) -> StateT:
        """Return the state of a stream that has not begun."""

    @abstractmethod
    def at(self, share: float) -> Self:
        """Return this method with at most `share` of each frame's tokens, 0 < share <= 1.

        A state that was made at one share may go on at another.

        Raises:
            ConfigError: `share` is out of range, or the method has no budget.
        """

    def compress(self, tokens: VisualTokens, state: StateT) -> tuple[VisualTokens, StateT]:
        """Return the tokens of one frame worth keeping, in their order, and the next state.

        It never returns more tokens than it was given, nor none for a frame it was given. Dtypes,
        devices and the grid stay. A merged token has the position of its centre. The result is a
        function of this frame and the state alone. Tokens of the whole frame (`tokens.summary`)
        stay as they are, as far as the budget goes, and count towards it.

        Raises:
            ModelError: a token, one of its extras or its saliency is not a finite number.
        """
        if not len(tokens):
            return tokens, state
        _refuse_non_finite(tokens)
        return self._beside_summary(tokens, state)

    def _beside_summary(self, tokens: VisualTokens, state: StateT) -> tuple[VisualTokens, StateT]:
        return self._compress(tokens, state)

    @abstractmethod
    def _compress(self, tokens: VisualTokens, state: StateT) -> tuple[VisualTokens, StateT]:
        """Do what `compress` says of the tokens of cells; there is at least one, all are finite."""


@dataclass(frozen=True)
class Budgeted(Compressor[StateT]):
    """A compressor with a ceiling on the tokens of a frame."""

    keep: float = 1.0  # share of a frame's tokens that may stay, 0 < keep <= 1

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 < self.keep <= 1:
            raise ConfigError(
                f"keep is the share of a frame's tokens, above 0 and at most 1, not {self.keep}"
            )

    def at(self, share: float) -> Self:  # noqa: D102
        return self.keeping(share)

    def keeping(self, share: float) -> Self:
        """Return this method with `keep` at `share` and nothing else that could exceed it."""
        return replace(self, keep=share)

    def budget(self, n: int) -> int:
        """Return how many of `n` tokens may stay: `keep` of them, rounded down, at least one."""
        return max(1, math.floor(self.keep * n + ROUNDING))

    def _beside_summary(self, tokens: VisualTokens, state: StateT) -> tuple[VisualTokens, StateT]:
        whole, n = tokens.summary, len(tokens)
        if not whole:
            return self._compress(tokens, state)
        room = self.budget(n)
        front = cut(tokens, 0, min(whole, room))
        if whole == n:
            return front, state
        beside = self.keeping(max(1, room - whole) / (n - whole))
        cells, state = beside._compress(cut(tokens, whole, n), state)
        return (join(front, cells) if room > whole else front), state


def _refuse_non_finite(tokens: VisualTokens) -> None:
    given = (tokens.embeds, *tokens.extras, tokens.saliency)
    for values in given:
        # A sum costs a thirtieth of looking at each number, and misses none.
        if values is None or bool(values.sum(dtype=torch.float32).isfinite()):
            continue
        bad = _rows_not_finite(values)
        if bad:
            raise ModelError(
                f"{bad} of {len(tokens)} visual tokens are not finite numbers, so the vision tower "
                "overflowed; load the model in bfloat16 or float32"
            )


def _rows_not_finite(values: Tensor) -> int:
    return int((~values.isfinite()).reshape(len(values), -1).any(1).sum())
