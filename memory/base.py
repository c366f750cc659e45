"""What a pass of the model carries, and what a memory policy decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.memory.segment import Segment


class Rotary(NamedTuple):
    """The rotation that RoPE applies at some positions."""

    cos: Tensor  # (n, d) fp32
    sin: Tensor  # (n, d) fp32


class Rope(Protocol):
    """Rotary embedding at positions of our choice; each model brings its own."""

    @property
    def axes(self) -> int:
        """Return 1 for plain RoPE, 3 for M-RoPE."""
        ...

    def table(self, positions: Tensor) -> Rotary:
        """Return the rotation for `positions`, (axes, n) int64."""
        ...

    def rotate(self, x: Tensor, rotary: Rotary) -> Tensor:
        """Return `x`, (h, n, d), rotated, in the dtype of `x`."""
        ...


class Step(ABC):
    """What one pass of the language model reaches through the attention function."""

    @abstractmethod
    def begin(self, positions: Tensor) -> None:
        """Announce a pass over n tokens at `positions`, (axes, n) int64, counted from the origin.

        The origin is the place right after everything that the step can see.
        """

    @abstractmethod
    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return attention, (heads, n, d), of the pass's tokens in `layer`.

        `query` is (heads, n, d), `key` and `value` are (h, n, d); none of them rotated.
        """


class Policy(ABC):
    """Decides what a stream's memory keeps at hand. It is settings only; streams share one."""

    @abstractmethod
    def retain(self, segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """Return the segments that stay, in their order, after a new one was put at the end.

        The newest segment always stays.
        """
