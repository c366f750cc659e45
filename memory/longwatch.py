"""Longwatch's own memory: a window, and an archive whose blocks fade as they age."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
HAND = 20  # one in so many of all bytes for the window, where blocks have levels
SHARE = 12  # and for the frames that wait to fill a block
SMALLEST = 32  # tokens of a block there
SCARCE = 0.4  # of a frame's tokens, the most important, where bytes are too few for all
ROOMY = 48  # blocks of a level that there must be room for; else blocks begin on the next one
LEAST = 48  # tokens of a block: what its scales and its vectors take is shared by so many
FEWEST = 8  # of a block where bytes are scarce: frames wait at hand until they fill one


@dataclass(frozen=True)
class Level:
    """One level of age: how blocks are stored there, and how much of what comes stays."""

    codec: Codec
    share: float  # of the archive's bytes, at most, while later levels have room
    group: int = 1  # blocks of the level before that come together
    yields: int = 1  # blocks that they become

    @property
    def bits(self) -> float:
        """Return the bits of a number, without those of scales."""
        return (self.codec.key_bits + self.codec.value_bits) / 2


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
    levels: tuple[Level, ...] = ()  # of age, in place of `codec`, `rungs` and `fresh`
    rated: bool = False  # whether the model rates each frame's tokens, see `rating`
    gap: int = 0  # see `Recalling`
    reach: int | None = None  # see `Recalling`
    rungs: int = 6
    fresh: float = 0.5  # share of `max_bytes` for the first rung; the others have the rest

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.rungs < 2 or not 0 < self.fresh < 1:
            raise ConfigError(
                f"the ladder needs at least 2 rungs and a first one with a share between 0 and 1 "
                f"of the bytes, not {self.rungs} and {self.fresh}"
            )
        if self.levels and sum(level.share for level in self.levels) > 1 + 1e-9:
            raise ConfigError("the levels' shares of the archive's bytes are more than all of them")
        _ = self._window, self.sealing, self.recalling

    @property
    def _window(self) -> Window:
        return Window(self.window_tokens, self.sinks)

    def sized(self, window_tokens: int) -> Self:
        """Return this policy with a window of so many tokens; `RECALLED` times that come back.

        As many are seen by each frame as it is read.
        """
        back = int(RECALLED * window_tokens)
        if self.levels:
            back = max(back, self.tokens)
        return self._with(window_tokens=window_tokens, tokens=back, near=back)

    def bounded(self, max_bytes: int, token_bytes: int) -> Self:
        """Return this policy with what a stream holds bounded to about `max_bytes`; see `Policy`.

        Frames that wait to be sealed take no more than the window does, so blocks are smaller
        where bytes are few. The first frames are sealed like all others: the text that opens a
        stream is its sink.
        """
        if self.levels:
            return self._bounded(max_bytes, token_bytes)
        share = max(1, int(AT_HAND * max_bytes) // token_bytes)
        window, block = min(self.window_tokens, share), min(self.least_tokens, max(FEWEST, share))
        rest = max_bytes - (window + block) * token_bytes
        return self._with(window_tokens=window, sinks=0, least_tokens=block, max_bytes=max(1, rest))

    def _bounded(self, max_bytes: int, token_bytes: int) -> Self:
        """Return it bounded where blocks have levels.

        Levels whose blocks are too large for so few bytes are left out, so that enough blocks fit.
        """
        held = max_bytes // token_bytes  # tokens, if all were kept as they are read
        window = min(self.window_tokens, max(1, held // HAND))
        block = min(self.least_tokens, max(SMALLEST, held // SHARE // 8 * 8))
        rest = max(1, max_bytes - (window + block) * token_bytes)
        block_bytes = block * token_bytes / 16  # of one bit a number
        fits = rest / (ROOMY * block_bytes)
        coarsest = min(level.bits for level in self.levels)
        first = next(i for i, level in enumerate(self.levels) if level.bits <= max(fits, coarsest))
        left = self.levels[first:]
        scale = 1 / sum(level.share for level in left)
        levels = tuple(replace(level, share=level.share * scale) for level in left)
        return self._with(
            window_tokens=window,
            sinks=0,
            least_tokens=block,
            max_bytes=rest,
            levels=levels,
            thinning=Thinning(SCARCE) if first and self.rated else self.thinning,
        )

    def retain(  # noqa: D102
        self, segments: tuple[Segment, ...], trace: Trace | None = None
    ) -> tuple[Segment, ...]:
        return self._window.retain(segments)

    @property
    def sealing(self) -> Sealing:
        """Return how frames are stored, and how they age."""
        if self.levels:
            return self._sealing(self._rungs())
        if self.max_bytes is None:
            limits: list[int | None] = [None]
        else:
            first = max(1, int(self.fresh * self.max_bytes))
            each = max(1, (self.max_bytes - first) // (self.rungs - 1))
            limits = [first, *[each] * (self.rungs - 1)]
        return self._sealing(tuple(Rung(self.codec, limit) for limit in limits))

    def _rungs(self) -> tuple[Rung, ...]:
        if self.max_bytes is None:
            return (Rung(self.levels[0].codec),)
        return tuple(
            Rung(level.codec, max(1, int(level.share * self.max_bytes)), level.group, level.yields)
            for level in self.levels
        )

    def _sealing(self, rungs: tuple[Rung, ...]) -> Sealing:
        return Sealing(
            block_tokens=self.block_tokens,
            least_tokens=self.least_tokens,
            retriever="faiss_fp16",
            thinning=self.thinning,
            near=self.near,
            rungs=rungs,
        )

    @property
    def recalling(self) -> Recalling:
        """Return how blocks are found."""
        return Recalling(
            blocks=None,
            tokens=self.tokens,
            crowd=self.crowd,
            scorer=self.scorer,
            gate=self.gate,
            gap=self.gap,
            reach=self.reach,
        )
