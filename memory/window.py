"""Attention sinks and a sliding window of whole frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.memory.base import Policy

if TYPE_CHECKING:
    from typing import Self

    from longwatch.memory.base import Trace
    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class Window(Policy):
    """StreamingLLM's sinks and window (arXiv 2309.17453), cut at frames as in StreamingVLM.

    The text that opens the stream and the first `sinks` frames always stay; of the later frames
    the newest ones stay, as many whole frames as `tokens` have room for, but at least one.
    Positions are contiguous over the gap (arXiv 2510.09608); un-rotated keys make that exact.
    """

    tokens: int = 4096  # of the sliding window, sinks not counted
    sinks: int = 1  # frames at the stream's start

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.tokens < 1:
            raise ConfigError(f"window tokens must be at least 1, not {self.tokens}")
        if self.sinks < 0:
            raise ConfigError(f"window sinks must not be negative, and {self.sinks} is")

    def sized(self, window_tokens: int) -> Self:  # noqa: D102
        return self._with(tokens=window_tokens)

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:  # noqa: D102
        return self._with(tokens=max(1, max_bytes // token_bytes))

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        text = sum(s.time is None for s in segments)
        fixed = min(text + self.sinks, len(segments))
        room, first = self.tokens, len(segments)
        while first > fixed and (room >= len(segments[first - 1]) or first == len(segments)):
            first -= 1
            room -= len(segments[first])
        return segments[:fixed] + segments[first:]
