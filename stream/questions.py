"""Questions about a world whose answers are known: for training, tests and benchmarks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.stream import asking
from longwatch.stream.asking import Question
from longwatch.stream.followups import follow_up
from longwatch.stream.seen import Seen
from longwatch.stream.unanswerable import unanswerable
from longwatch.stream.wordings import WORDINGS

if TYPE_CHECKING:
    from random import Random

    from longwatch.stream.asking import Ask

__all__ = ["KINDS", "Question", "Truth"]

ASKS: dict[str, Ask] = {
    "now": partial(asking.present, "now"),
    "at": partial(asking.at, "at"),
    "first": partial(asking.about, "first"),
    "last": partial(asking.about, "last"),
    "was_there": partial(asking.about, "was_there"),
    "is_there": partial(asking.about, "is_there"),
    "where": partial(asking.about, "where"),
    "how_many": partial(asking.how_many, "how_many"),
    "how_often": partial(asking.about, "how_often"),
    "after": partial(asking.about, "after"),
    "before": partial(asking.about, "before"),
    "background": partial(asking.background, "background"),
    "describe": partial(asking.describe, "describe"),
    "follow_up": partial(follow_up, "follow_up"),
    "unanswerable": partial(unanswerable, "unanswerable"),
    "beginning": partial(asking.beginning, "beginning"),
}
KINDS = tuple(ASKS)


class Truth(Seen):
    """What the sampled frames of a world show, and questions about it."""

    def ask(self, kind: str, now: int, rng: Random, wordings: str = "train") -> Question | None:
        """Draw a question of a kind, to be asked when frame `now` is the last one seen.

        Args:
            kind: one of KINDS.
            now: index of a sampled frame; later ones count for nothing.
            rng: decides what is asked and how it is said.
            wordings: `train`, or `test` for those that are kept from training.

        Returns:
            The question, or None where the draw has no clear answer: draw again.

        Raises:
            ConfigError: there is no such kind, frame or set of wordings.
        """
        if kind not in ASKS or wordings not in WORDINGS:
            raise ConfigError(
                f"{kind!r} in {wordings!r} wordings is no question; a kind is one of"
                f" {', '.join(KINDS)}, and the wordings are one of {', '.join(WORDINGS)}"
            )
        if not 0 <= now < len(self.times):
            raise ConfigError(f"frame {now} is none of the {len(self.times)} sampled ones")
        return ASKS[kind](self, now, rng, wordings)
