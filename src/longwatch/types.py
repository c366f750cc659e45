"""Values that travel between the folders.

Axes, here and everywhere: n tokens, m tokens attended to, h key-value heads, d channels, a RoPE
axes (1 for plain RoPE, 3 = t, y, x for M-RoPE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture and its place on the stream's clock."""

    image: NDArray[np.uint8]  # (height, width, 3), RGB
    time: float  # seconds on the stream's clock
    index: int  # running number within the stream; a gap means dropped frames
    captured_at: float | None = None  # seconds since 1970 at the sender, when it said so
    arrived: float = 0.0  # `time.monotonic()` when it reached this process
    decoded: float = 0.0  # `time.monotonic()` when it was a picture that the stream wanted


@dataclass(frozen=True, slots=True, eq=False)
class VisualTokens:
    """The visual tokens of one frame, as the language model will read them."""

    embeds: Tensor  # (n, d)
    positions: Tensor  # (3, n) int64: t, y, x on the frame's token grid, t always 0
    grid: tuple[int, int]  # rows, columns of the whole frame before any token was dropped
    extras: tuple[Tensor, ...] = ()  # each (n, d): deep-stack features, pruned alike
    saliency: Tensor | None = None  # (n,): attention received in the tower, where it has some
    image: NDArray[np.uint8] | None = None  # (height, width, 3) RGB: what the tokens were made of
    summary: int = 0  # tokens at the front that are of the whole frame, not of a cell
    # (n, k) int64 and (n, k): what each is likely to be, as ids of words, and how likely, 0 to 1
    named: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        """Return n."""
        return self.embeds.shape[0]

    def select(self, keep: Tensor) -> VisualTokens:
        """Return the tokens at `keep`, a (k,) int64 tensor of increasing indices."""
        return VisualTokens(
            embeds=self.embeds[keep],
            positions=self.positions[:, keep],
            grid=self.grid,
            extras=tuple(extra[keep] for extra in self.extras),
            saliency=None if self.saliency is None else self.saliency[keep],
            image=self.image,
            summary=int((keep < self.summary).sum()) if self.summary else 0,
            named=None if self.named is None else (self.named[0][keep], self.named[1][keep]),
        )


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """What one stream's memory holds. *Seen* is how long the stream is; *stored* what is kept."""

    frames_seen: int
    tokens_seen: int
    frames_stored: int
    tokens_stored: int
    device_bytes: int
    oldest_time: float | None  # seconds on the stream's clock, of the oldest stored frame
    newest_time: float | None
    sealed_tokens: int = 0  # in the archive
    archive_bytes: int = 0  # in RAM: of blocks, of the keys that find them, and of their table
    rungs: tuple[tuple[int, int], ...] = ()  # of the archive: blocks, bytes
    host_bytes: int = 0  # of these, in RAM
    away_bytes: int = 0  # and on disk alone
    lost_blocks: int = 0  # that could not be read back from disk
    origin_bytes: int = 0  # in RAM: of where each token of a cut cache comes from
