"""PyramidDrop: the same share of the visual tokens is dropped again at the end of each stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longwatch.compressors.pruner import Pruner, below_last
from longwatch.errors import ConfigError


@dataclass(frozen=True)
class PyramidDrop(Pruner):
    """Cuts the layers into S stages and keeps a share of the tokens from each to the next.

    After stage s = 1 .. S - 1 the share lambda^s of the visual tokens is left, those that the last
    token pays most attention to, averaged over heads, in the stage's last layer (arXiv
    2410.17247, whose lambda is 0.5 with four stages). `keep` is what the last stage reads,
    lambda^(S - 1). In a stream the last token is the frame's, not the question's.
    """

    paper: ClassVar[str | None] = "2410.17247"

    keep: float = 0.125
    parts: int = 4  # S

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.parts < 2:
            raise ConfigError(f"parts must be at least 2 stages, not {self.parts}")

    def stages(self, layers: int) -> dict[int, float]:  # noqa: D102
        steps = self.parts - 1
        ends = (below_last(s * layers // self.parts - 1, layers) for s in range(1, self.parts))
        # Where two stages end together, the later one's share is what is left.
        return {end: self.keep ** (s / steps) for s, end in enumerate(ends, 1)}
