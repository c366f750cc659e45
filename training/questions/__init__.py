"""Questions about a world whose answers are known: for training, tests and benchmarks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from training.questions import generator
from training.questions.follow_ups import follow_up
from training.questions.generator import Question
from training.questions.ground_truth import Seen
from training.questions.unanswerable import unanswerable
from training.questions.wordings.grammar import WORDINGS

if TYPE_CHECKING:
    from random import Random

    from training.questions.generator import Ask

__all__ = ["KINDS", "Question", "Truth"]

ASKS: dict[str, Ask] = {
    "now": partial(generator.present, "now"),
    "at": partial(generator.at, "at"),
    "first": partial(generator.about, "first"),
    "last": partial(generator.about, "last"),
    "was_there": partial(generator.about, "was_there"),
    "is_there": partial(generator.about, "is_there"),
    "where": partial(generator.about, "where"),
    "how_many": partial(generator.how_many, "how_many"),
    "how_often": partial(generator.about, "how_often"),
    "after": partial(generator.about, "after"),
    "before": partial(generator.about, "before"),
    "background": partial(generator.background, "background"),
    "describe": partial(generator.describe, "describe"),
    "follow_up": partial(follow_up, "follow_up"),
    "unanswerable": partial(unanswerable, "unanswerable"),
    "beginning": partial(generator.beginning, "beginning"),
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
