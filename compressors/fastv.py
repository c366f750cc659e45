"""FastV: after an early layer, the visual tokens that the last token looks at least are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longwatch.compressors.pruner import Pruner, below_last
from longwatch.errors import ConfigError


@dataclass(frozen=True)
class FastV(Pruner):
    """Drops a share R of the visual tokens after layer K, once (arXiv 2403.06764).

    A token's score is the attention it gets in layer K, averaged over heads, from the last token,
    as the published code has it; the 1 - R of highest score go on. In a stream the last token is
    the frame's, not the question's.
    """

    paper: ClassVar[str | None] = "2403.06764"

    keep: float = 0.5  # 1 - R
    layer: int = 2  # K: so many layers read all tokens

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.layer < 1:
            raise ConfigError(f"at least 1 layer must read all tokens, not {self.layer}")

    def stages(self, layers: int) -> dict[int, float]:  # noqa: D102
        return {below_last(self.layer - 1, layers): self.keep}
