"""DTD, differential token drop: tokens that did not change are not read again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from longwatch.compressors.base import Budgeted
from longwatch.compressors.similarity import aligned, bare, cosine, spread, top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from longwatch.types import VisualTokens

SIDE = 8  # pixels of a cell, to which a picture is shrunk before it is compared


@dataclass(frozen=True)
class _Seen:
    """One frame ago."""

    tokens: VisualTokens
    pixels: Tensor | None  # (n, 3 * SIDE * SIDE) fp32, 0 to 1


@dataclass(frozen=True)
class Dtd(Budgeted[_Seen | None]):
    """Differential token drop of TimeChat-Online (arXiv 2504.17343).

    Token i is dropped where it equals the token of the same cell one frame ago: by feature, where
    cos(v_t[i], v_(t-1)[i]) > `threshold`; by pixel, where the mean of |p_t[i] - p_(t-1)[i]| over
    the cell is below `pixel_threshold`. Where `relative`, a fixed share goes instead: all but the
    `keep` most changed tokens of each frame, which is what `at` returns. A first frame is whole.

    The paper's frames may lose every token, or none. Here the most changed one always stays, and
    `keep` is a ceiling: above it the most changed tokens stay, of a first frame evenly spaced ones.
    As in the paper a frame is compared with the one before it, so a drift slower than the threshold
    is never seen.
    """

    paper: ClassVar[str | None] = "2504.17343"

    by: str = "feature"  # or pixel, which needs `VisualTokens.image`
    threshold: float = 0.5  # cosine above which a token is dropped
    pixel_threshold: float = 0.1  # mean absolute difference, of 1, below which a token is dropped
    relative: bool = False

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.by not in {"feature", "pixel"}:
            raise ConfigError(f"by must be feature or pixel, not {self.by!r}")
        if not -1 <= self.threshold <= 1:
            raise ConfigError(f"threshold is a cosine, from -1 to 1, not {self.threshold}")
        if not 0 <= self.pixel_threshold <= 1:
            raise ConfigError(
                f"pixel_threshold is a difference, from 0 to 1, not {self.pixel_threshold}"
            )

    def at(self, share: float) -> Self:  # noqa: D102
        return replace(self, keep=share, relative=True)

    def new_state(self) -> None:
        """Return no frame to compare with."""

    def _compress(
        self, tokens: VisualTokens, state: _Seen | None
    ) -> tuple[VisualTokens, _Seen | None]:
        seen = _Seen(bare(tokens), self._pixels(tokens))
        n, ceiling = len(tokens), self.budget(len(tokens))
        if state is None or not aligned(state.tokens, tokens):
            return tokens.select(spread(n, ceiling, tokens.embeds.device)), seen
        change, least = self._change(seen, state)
        count = ceiling if self.relative else min(ceiling, max(1, int((change >= least).sum())))
        return tokens.select(top(change, count)), seen

    def _change(self, now: _Seen, before: _Seen) -> tuple[Tensor, float]:
        """Return how much each token changed, (n,), and the least change that is one."""
        if now.pixels is None or before.pixels is None:
            return 1 - cosine(now.tokens.embeds, before.tokens.embeds), 1 - self.threshold
        return (now.pixels - before.pixels).abs().mean(1), self.pixel_threshold

    def _pixels(self, tokens: VisualTokens) -> Tensor | None:
        if self.by == "feature":
            return None
        if tokens.image is None:
            raise ConfigError(
                "dtd by pixel compares pictures, and these tokens come without theirs; use "
                "by='feature'"
            )
        rows, columns = tokens.grid
        picture = torch.from_numpy(tokens.image).permute(2, 0, 1)[None].float() / 255
        small = functional.interpolate(picture, (rows * SIDE, columns * SIDE), mode="area")
        cells = small.reshape(3, rows, SIDE, columns, SIDE).permute(1, 3, 0, 2, 4)
        flat: Tensor = cells.reshape(rows * columns, -1)
        _, y, x = tokens.positions
        return flat[(y * columns + x).cpu()].to(tokens.embeds.device)
