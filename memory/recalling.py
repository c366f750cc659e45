"""How much an answer recalls of the past."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.retrieval import MeanDot

if TYPE_CHECKING:
    from longwatch.retrieval import Scorer


@dataclass(frozen=True)
class Recalling:
    """How much an answer recalls in each layer, and how it stands there."""

    blocks: int | None = 64  # at most; None: no limit
    tokens: int | None = None  # or blocks of at most so many tokens, but at least one
    share: float | None = None  # or this share of all that may be recalled
    crowd: float | None = None  # of so many times as many each frame's best token comes first
    page_tokens: int | None = None  # of the pieces that loose segments are chosen in; None: whole
    scorer: Scorer = field(default_factory=MeanDot)  # what finds them
    gap: int = 0  # most places left free for frames that are missing between two
    reach: int | None = None  # positions of all that is recalled; gaps shrink to stay within them
    gate: float | None = None  # nats; a model surer than this without recall answers without it

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("blocks", "tokens", "page_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} to recall must be at least 1, not {value}")
        if self.share is not None and not 0 < self.share <= 1:
            raise ConfigError(f"the share to recall must be in (0, 1], not {self.share}")
        if self.crowd is not None and self.crowd < 1:
            raise ConfigError(f"crowd must be at least 1, not {self.crowd}; None is without")
        if self.reach is not None and self.reach < 1:
            raise ConfigError(
                f"reach must be at least 1 position, not {self.reach}; None is without"
            )
        if self.gap < 0:
            raise ConfigError(f"gap must not be negative, and {self.gap} is")
        if self.gate is not None and self.gate <= 0:
            raise ConfigError(f"the gate must be above 0 nats, not {self.gate}; None is without")

    def limit(self, candidates: int, tokens: int) -> int:
        """Return how many of so many candidates, of so many tokens each, are recalled."""
        limits = [candidates]
        if self.blocks is not None:
            limits.append(self.blocks)
        if self.tokens is not None:
            limits.append(max(1, self.tokens // tokens))
        if self.share is not None:
            limits.append(math.ceil(self.share * candidates))
        return min(limits)
