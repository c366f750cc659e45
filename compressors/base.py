"""The interface of every token compressor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from longwatch.types import VisualTokens

StateT = TypeVar("StateT")


class Compressor(ABC, Generic[StateT]):
    """Shrinks a stream's visual tokens before the language model reads them.

    A compressor is settings only, so that all streams share one. What it must remember between
    two frames lives in the state, which the stream owns and hands back.
    """

    @abstractmethod
    def new_state(self) -> StateT:
        """Return the state of a stream that has not begun."""

    @abstractmethod
    def compress(self, tokens: VisualTokens, state: StateT) -> tuple[VisualTokens, StateT]:
        """Return the tokens of one frame worth keeping, in their order, and the next state.

        It never returns more tokens than it was given, nor none for a frame it was given.
        """
