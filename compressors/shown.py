"""What a streaming method remembers of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True, eq=False)
class Shown:
    """A frame's tokens, and which of them the stream holds.

    A published method merges a token into its like in an earlier frame. A stream has read that
    frame already, so the token is dropped: but only where its like was kept, or was itself dropped
    for one that was kept. Otherwise nothing in the stream would stand for it.
    """

    tokens: VisualTokens  # bare
    shown: Tensor  # (n,) bool
