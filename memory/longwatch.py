"""Longwatch's own memory: a window, and an archive whose blocks fade as they age."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.memory.base import Policy
from longwatch.memory.codec import Codec
from longwatch.memory.recalling import Recalling
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.thinning import Thinning
from longwatch.memory.window import Window
from longwatch.retrieval import LastToken

if TYPE_CHECKING:
    from typing import Self

    from longwatch.memory.base import Trace
    from longwatch.memory.segment import Segment
    from longwatch.retrieval import Scorer


RECALLED = 1.5  # tokens of the past in each layer, for one of the window
CROWD = (
    8  # tokens to choose from for one that is recalled: with more, frames are not recalled whole
)
AT_HAND = 0.25  # of all bytes for the window: the rest reaches further back, in fewer bits
LEAST = 48  # tokens of a block: what its scales and its vectors take is shared by so many
FEWEST = 8  # of a block where bytes are scarce: frames wait at hand until they fill one


@dataclass(frozen=True)
class Longwatch(Policy):
    """Sinks and a window at hand; older frames sealed, recalled by question, and slowly faded.

    An answer sees [sinks | frames recalled in each layer | window]: the present is always there
    and only the past is retrieved. A frame is read over [sinks | newest sealed | window]. One that
    leaves the window keeps the tokens that stand out, in few bits. Where the archive is over
    `max_bytes`, its oldest blocks go down a ladder: on each rung two become one with half of their
    tokens, so that each holds twice as long a time in the same bytes, and only what is older than
    the last rung is forgotten.
    """

    window_tokens: int = 4096
    sinks: int = 1  # frames at the stream's start
    thinning: Thinning | None = field(default_factory=Thinning)
    block_tokens: int | None = None  # None: a frame's, but at least `least_tokens`
    least_tokens: int = LEAST
    codec: Codec = field(default_factory=lambda: Codec(2, 2, value_axis="token"))
    tokens: int = 2048  # recalled in each layer
    crowd: float | None = CROWD  # see `Recalling`
    near: int = 2048  # of the newest that are sealed, seen by each frame as it is read
    scorer: Scorer = field(default_factory=LastToken)
    gate: float | None = None  # see `Recalling`
    max_bytes: int | None = 256 << 20  # of the archive's blocks
    rungs: int = 6
    fresh: float = 0.5  # share of `max_bytes` for the first rung; the others have the rest

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.rungs < 2 or not 0 < self.fresh < 1:
            raise ConfigError(
                f"the ladder needs at least 2 rungs and a first one with a share between 0 and 1 "
                f"of the bytes, not {self.rungs} and {self.fresh}"
            )
        _ = self._window, self.sealing, self.recalling

    @property
    def _window(self) -> Window:
        return Window(self.window_tokens, self.sinks)

    def sized(self, window_tokens: int) -> Self:
        """Return this policy with a window of so many tokens; `RECALLED` times that come back.

        As many are seen by each frame as it is read.
        """
        back = int(RECALLED * window_tokens)
        return self._with(window_tokens=window_tokens, tokens=back, near=back)

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:
        """Return this policy with what a stream holds bounded to about `max_bytes`; see `Policy`.

        Frames that wait to be sealed take no more than the window does, so blocks are smaller
        where bytes are few. The first frames are sealed like all others: the text that opens a
        stream is its sink.
        """
        share = max(1, int(AT_HAND * max_bytes) // token_bytes)
        window, block = min(self.window_tokens, share), min(self.least_tokens, max(FEWEST, share))
        rest = max_bytes - (window + block) * token_bytes
        return self._with(window_tokens=window, sinks=0, least_tokens=block, max_bytes=max(1, rest))

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        return self._window.retain(segments)

    @property
    def sealing(self) -> Sealing:
        """Return how frames are stored, and how they age."""
        if self.max_bytes is None:
            limits: list[int | None] = [None]
        else:
            first = max(1, int(self.fresh * self.max_bytes))
            each = max(1, (self.max_bytes - first) // (self.rungs - 1))
            limits = [first, *[each] * (self.rungs - 1)]
        return Sealing(
            block_tokens=self.block_tokens,
            least_tokens=self.least_tokens,
            retriever="faiss_fp16",
            thinning=self.thinning,
            near=self.near,
            rungs=tuple(Rung(self.codec, limit) for limit in limits),
        )

    @property
    def recalling(self) -> Recalling:
        """Return how blocks are found."""
        return Recalling(
            blocks=None, tokens=self.tokens, crowd=self.crowd, scorer=self.scorer, gate=self.gate
        )
