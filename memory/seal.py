"""How segments that leave the window are sealed: settings of a stream's archive."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.memory.codec import Codec
from longwatch.registry import lookup
from longwatch.retrieval import RETRIEVERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.segment import Segment
    from longwatch.memory.thinning import Thinning


@dataclass(frozen=True)
class Rung:
    """One step of the ladder that blocks go down as they age."""

    codec: Codec = field(default_factory=Codec)
    max_bytes: int | None = None  # its share of the bytes of all, see `Sealing`. None: no limit
    group: int = 2  # blocks of the rung before that come here together
    yields: int = 1  # blocks that they become: `yields / group` of their tokens stay

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.max_bytes is not None and self.max_bytes < 1:
            raise ConfigError(f"a rung's max_bytes must be at least 1, not {self.max_bytes}")
        if not 1 <= self.yields <= self.group:
            raise ConfigError(
                f"a rung makes at least 1 block and at most as many as come, not {self.yields} of "
                f"{self.group}"
            )

    def most(self, block_bytes: int) -> float:
        """Return how many blocks of this size stay here, at least one.

        There is room for one more, which is there until the oldest has gone.
        """
        if self.max_bytes is None:
            return math.inf
        return max(1, self.max_bytes // block_bytes - 1)


@dataclass(frozen=True)
class Sealing:
    """What becomes of segments that leave the window.

    Their tokens fill blocks of at most `block_tokens`; a frame is split only where it alone is
    larger. Frames that are read later see the newest blocks beside what is at hand, in the time
    between. Blocks begin on the first rung. Once all rungs together have used up what they may,
    the oldest of a rung that is over its share go to the next one, `Rung.group` at a time, with the
    share of their tokens that it says; on the last rung the oldest is forgotten. Beside a rung
    without a limit each of the others has its own.
    """

    block_tokens: int | None = None  # None: as many as the first frame that is sealed has,
    least_tokens: int = 1  # but at least so many
    retriever: str = "faiss_flat"  # a name of `retrieval.RETRIEVERS`
    thinning: Thinning | None = None  # which tokens of a frame are sealed; None: all
    near: int = 0  # tokens of the newest blocks that a frame sees as it is read, at most
    rungs: tuple[Rung, ...] = (Rung(),)

    def __post_init__(self) -> None:
        """Check the settings."""
        for size in (self.block_tokens, self.least_tokens):
            if size is not None and size < 1:
                raise ConfigError(f"a block must have room for at least 1 token, not {size}")
        if self.near < 0:
            raise ConfigError(f"tokens that a frame sees must not be negative, and {self.near} is")
        if not self.rungs:
            raise ConfigError("an archive needs at least one rung")
        lookup(RETRIEVERS, self.retriever, "retriever")


def filling(frames: Sequence[Segment], block_tokens: int) -> int:
    """Return how many of the oldest frames fill a block, 0 if all together do not yet."""
    total = 0
    for i, frame in enumerate(frames):
        n = len(frame)
        if i and total + n > block_tokens:
            return i
        total += n
        if total >= block_tokens:
            return i + 1
    return 0
