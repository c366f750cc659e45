"""ReKV: everything is kept; each layer of an answer sees the frames that it scores best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.memory.base import Policy
from longwatch.memory.codec import Codec
from longwatch.memory.recalling import Recalling
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.window import Window
from longwatch.retrieval import MeanDot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from longwatch.memory.base import Trace
    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class ReKV(Policy):
    """ReKV (arXiv 2503.00540): a sliding window while reading, frames retrieved for an answer.

    Keys are stored before RoPE, in fp16. In each layer the mean query of the question scores the
    mean key of every frame by their dot product, and the context is the text that opens the stream
    and the best `frames` frames at contiguous positions. The recent window is not in it by itself:
    its frames are candidates like all others. Retrieval happens in the answer's own pass.

    The reference calls its dot product cosine. It gives what has left the window one angle while
    reading; here the window slides, and what left it is not seen until it is retrieved.
    """

    window_tokens: int = 15_000  # while reading
    frames: int = 64  # retrieved in each layer
    max_bytes: int | None = None  # of what left the window; over it the oldest is forgotten

    def __post_init__(self) -> None:
        """Check the settings."""
        _ = self._window, self.sealing, self.recalling

    @property
    def _window(self) -> Window:
        return Window(self.window_tokens, sinks=0)

    def sized(self, window_tokens: int) -> Self:  # noqa: D102
        return self._with(window_tokens=window_tokens)

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:  # noqa: D102
        window = min(self.window_tokens, max(1, max_bytes // (2 * token_bytes)))
        return self._with(window_tokens=window, max_bytes=max(1, max_bytes - window * token_bytes))

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        return self._window.retain(segments)

    @property
    def sealing(self) -> Sealing:
        """Return how frames are stored: one a block, in fp16."""
        return Sealing(rungs=(Rung(Codec(key_bits=16, value_bits=16), self.max_bytes),))

    @property
    def recalling(self) -> Recalling:
        """Return how frames are found."""
        return Recalling(blocks=self.frames, scorer=MeanDot())

    def loose(self, segments: Sequence[Segment]) -> range:  # noqa: D102
        text = sum(s.time is None for s in segments)
        return range(text, len(segments))
