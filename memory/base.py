"""What a pass of the model carries, and what a memory policy decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Self

    from torch import Tensor

    from longwatch.memory.recalling import Recalling
    from longwatch.memory.seal import Sealing
    from longwatch.memory.segment import Part, Segment


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

    narrows: Collection[int] = ()  # layers after which tokens may leave the pass, see `narrow`
    rates: bool = False  # whether the frame is to be read a second time, see `rate`

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

    def rate(self, raters: bool) -> None:
        """Say that passes from now on rate the frame, and whether their tokens are its own.

        Only a step that `rates` is told so, once its frame was read.
        """
        raise RuntimeError(f"{type(self).__name__} rates nothing")

    def narrow(self, layer: int, hidden: Tensor) -> Tensor:
        """Return the hidden states, (k, d), that go on after `layer` of the (n, d) it made.

        A step that `narrows` gets all of its tokens in one pass.
        """
        return hidden


class Recall(Protocol):
    """Chooses, for one question, what each layer sees of what is not always at hand."""

    def split(self, segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        """Return the segments that every layer sees: those before what is chosen, those after."""
        ...

    def choose(self, layer: int, query: Tensor) -> list[Part]:
        """Return what `layer` sees beside them, oldest first, for `query`, (heads, n, d)."""
        ...


@dataclass(frozen=True, slots=True)
class Trace:
    """What a policy may look at besides the segments when a new one was read."""

    queries: tuple[Tensor, ...]  # of the new segment, one a layer, (heads, n, d), not rotated


class Policy(ABC):
    """Decides what a stream's memory keeps, and how. It is settings only; streams share one."""

    traced = False  # whether `retain` wants a `Trace`
    rated = False  # whether frames are read a second time, to rate their tokens; see `rating`

    @abstractmethod
    def retain(
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        """Return the segments that stay, in their order, after a new one was put at the end.

        The newest segment always stays. A policy may put one segment in the place of several.
        """

    def sized(self, window_tokens: int) -> Self:
        """Return this policy with a sliding window of so many tokens.

        Raises:
            ConfigError: it has no window, or not of this size.
        """
        raise ConfigError(f"{type(self).__name__} has no window that could be sized")

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:
        """Return this policy with what a stream holds bounded to about `max_bytes`.

        `token_bytes` is what the keys and values of one token take as they are read, over all
        layers. A policy that cannot be bounded raises `ConfigError`.
        """
        raise ConfigError(f"{type(self).__name__} keeps everything and cannot be bounded")

    def _with(self, **settings: Any) -> Self:
        return replace(self, **settings)  # type: ignore[type-var]

    @property
    def sealing(self) -> Sealing | None:
        """How segments that leave are sealed; None lets them go."""
        return None

    @property
    def recalling(self) -> Recalling | None:
        """How answers choose among what is not always at hand; None shows all segments."""
        return None

    def loose(self, segments: Sequence[Segment]) -> range:
        """Return which segments an answer sees only if they are recalled: neighbours, by index."""
        return range(0)
