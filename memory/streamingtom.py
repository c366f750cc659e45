"""StreamingTOM's memory: four-bit groups of tokens, retrieved by cosine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.memory.base import Policy
from longwatch.memory.codec import Codec
from longwatch.memory.recalling import Recalling
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.window import Window
from longwatch.retrieval import MeanCosine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from longwatch.memory.base import Trace
    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class StreamingTOM(Policy):
    """StreamingTOM's online quantised memory (arXiv 2510.18269); its first half is `ctr`.

    Groups of `group_tokens` tokens are stored in 4 bits, keys and values alike with a scale and a
    minimum for each channel of a group. In each layer the mean query of the question scores the
    mean key of every group by cosine, and the context is the text that opens the stream and the
    best groups, as many as `tokens` has room for. The window is not in it by itself.

    The reference quantises rotated keys and so rotates them twice; keys are sealed un-rotated
    here. The 4,800 newest tokens stay in full precision while they are in the window.
    """

    window_tokens: int = 4800  # while reading
    group_tokens: int = 50
    tokens: int = 12_544  # retrieved in each layer
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
        """Return how groups are stored."""
        codec = Codec(key_bits=4, value_bits=4, key_axis="channel", value_axis="channel")
        return Sealing(block_tokens=self.group_tokens, rungs=(Rung(codec, self.max_bytes),))

    @property
    def recalling(self) -> Recalling:
        """Return how groups are found."""
        return Recalling(blocks=None, tokens=self.tokens, scorer=MeanCosine())

    def loose(self, segments: Sequence[Segment]) -> range:  # noqa: D102
        text = sum(s.time is None for s in segments)
        return range(text, len(segments))
