"""HoliTom: windows of frames in which much stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from longwatch.compressors.base import Budgeted
from longwatch.compressors.density import density_peaks
from longwatch.compressors.merging import centre_weights, combine
from longwatch.compressors.saliency import saliency
from longwatch.compressors.similarity import aligned, bare, cosine, top
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


@dataclass(frozen=True, eq=False)
class _Window:
    """The window so far."""

    length: int
    static: Tensor  # (n,) bool: cells that were alike in every frame of it
    last: VisualTokens  # bare


@dataclass(frozen=True)
class HoliTom(Budgeted[_Window | None]):
    """Holistic token merging (arXiv 2505.21334, the part outside the language model).

    A cell is static in a window of frames if cos(x_i, x'_i) > `static` between all neighbouring
    frames of it; a window of l frames with s static cells saves s (l - 1) tokens. Static tokens are
    merged over the window and then clustered by density peaks (see `density`), with `neighbours`
    and a peak becoming `own` x + (1 - `own`) mean(joined); of the dynamic tokens each frame keeps
    the most salient ones.

    The paper finds the windows that save most over the whole video by dynamic programming. The
    streaming form makes the greedy choice: a frame joins the window if that saves more than the
    window saved without it, for at most `longest` frames, so that slow drift is told again. A
    window's first frame is clustered whole, since no cell is known to be dynamic yet; later frames
    drop the static cells and keep salient dynamic ones, or the token that changed most if there
    are none. Merging between the layers of the language model is left out. See `saliency` for
    towers without attention.
    """

    paper: ClassVar[str | None] = "2505.21334"
    keep: float = 0.1
    static: float = 0.8  # cosine; the paper's tau
    own: float = 0.6  # the paper's beta
    neighbours: int = 7
    longest: int = 32

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if not -1 <= self.static <= 1:
            raise ConfigError(f"static is a cosine, from -1 to 1, not {self.static}")
        if not 0 <= self.own <= 1:
            raise ConfigError(f"own is a share, from 0 to 1, not {self.own}")
        if self.neighbours < 1 or self.longest < 1:
            raise ConfigError(
                f"neighbours and longest are at least 1, not {self.neighbours} and {self.longest}"
            )

    def new_state(self) -> _Window | None:
        """Return nothing: no window has begun."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: _Window | None
    ) -> tuple[VisualTokens, _Window | None]:
        k = self.budget(len(tokens))
        if state is not None and aligned(state.last, tokens):
            alike = cosine(tokens.embeds, state.last.embeds)
            static = state.static & (alike > self.static)
            saved = int(state.static.sum()) * (state.length - 1)
            if state.length < self.longest and int(static.sum()) * state.length > saved:
                window = _Window(state.length + 1, static, bare(tokens))
                dynamic = (~static).nonzero()[:, 0]
                if not len(dynamic):
                    return tokens.select(alike.argmin()[None]), window
                return tokens.select(dynamic[top(saliency(tokens)[dynamic], k)]), window
        centres, owner = density_peaks(tokens.embeds, k, self.neighbours)
        every = owner.new_ones(len(tokens)).bool()
        merged = combine(tokens, centres, centre_weights(owner, centres, self.own))
        return merged, _Window(1, every, bare(tokens))
