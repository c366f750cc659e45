"""Keep everything: the oracle that every other policy is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longwatch.memory.base import Policy

if TYPE_CHECKING:
    from longwatch.memory.base import Trace
    from longwatch.memory.segment import Segment


@dataclass(frozen=True)
class Full(Policy):
    """Every frame stays at hand; memory and time per frame grow with the stream."""

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        return segments
