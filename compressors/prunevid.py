"""PruneVid: what stands still is told once, what moves is clustered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from longwatch.compressors.base import Budgeted
from longwatch.compressors.density import density_peaks
from longwatch.compressors.merging import combine, mean_weights
from longwatch.compressors.similarity import aligned, bare, cosine
from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens

NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class _Segment:
    """The segment so far."""

    length: int
    mean: VisualTokens  # bare; of each cell over the segment's frames, fp32


@dataclass(frozen=True)
class PruneVid(Budgeted[_Segment | None]):
    """Spatial and temporal merging (arXiv 2412.16117, the stage before the language model).

    A segment is a run of frames that look alike. Within it a cell is static if its tokens are alike
    over time, cos >= `static`; static tokens are merged over the segment's frames, and then static
    tokens, and each frame's dynamic ones, are clustered by density peaks (see `density`) to the
    share `keep` of their number. A cluster becomes the mean of its members.

    The paper clusters all frames of a video into segments, as many as a quarter of the frames. The
    streaming form begins a segment when the cosine between the mean tokens of the frame and of the
    segment falls below `cut`, or after `longest` frames. It holds a cell for static if it is like
    the mean of its cell so far, and tells all cells in a segment's first frame, so that static ones
    can be dropped afterwards; a frame without dynamic cells keeps the token that changed most. The
    paper's second stage prunes by attention to the question and is left out.
    """

    paper: ClassVar[str | None] = "2412.16117"
    keep: float = 0.5
    static: float = 0.8  # cosine
    cut: float = 0.9  # cosine
    longest: int = 8  # frames; twice the mean length in the paper

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        for name, value in (("static", self.static), ("cut", self.cut)):
            if not -1 <= value <= 1:
                raise ConfigError(f"{name} is a cosine, from -1 to 1, not {value}")
        if self.longest < 1:
            raise ConfigError(f"a segment has at least one frame, not {self.longest}")

    def new_state(self) -> _Segment | None:
        """Return nothing: no segment has begun."""
        return None

    def _compress(
        self, tokens: VisualTokens, state: _Segment | None
    ) -> tuple[VisualTokens, _Segment | None]:
        if state is None or not self._goes_on(tokens, state):
            segment = _Segment(1, replace(bare(tokens), embeds=tokens.embeds.float()))
            return _cluster(tokens, self.budget(len(tokens))), segment
        now, past = tokens.embeds.float(), state.mean.embeds
        alike = cosine(now, past)
        length = state.length + 1
        segment = _Segment(length, replace(state.mean, embeds=past + (now - past) / length))
        dynamic = (~(alike >= self.static)).nonzero()[:, 0]
        if not len(dynamic):
            return tokens.select(alike.argmin()[None]), segment
        return _cluster(tokens.select(dynamic), self.budget(len(dynamic))), segment

    def _goes_on(self, tokens: VisualTokens, segment: _Segment) -> bool:
        return (
            segment.length < self.longest
            and aligned(segment.mean, tokens)
            and bool(cosine(_middle(tokens.embeds), _middle(segment.mean.embeds)) >= self.cut)
        )


def _cluster(tokens: VisualTokens, k: int) -> VisualTokens:
    centres, owner = density_peaks(tokens.embeds, k, NEIGHBOURS)
    return combine(tokens, centres, mean_weights(owner, k))


def _middle(embeds: Tensor) -> Tensor:
    return embeds.float().mean(0, keepdim=True)
