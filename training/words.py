"""The words of the bundled model's language: what it answers with, and how it is asked.

`words.json` is kept apart from the wordings that it was collected from: a word more moves the ids
of those after it, and a trained model must keep its ids.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from training.questions.wordings.follow_ups import ELSE, IT, NOW, THEN
from training.questions.wordings.grammar import CLOSINGS, OPENINGS, TRAIN, say
from training.questions.wordings.unanswerable import UNANSWERABLE

WORDS: tuple[str, ...] = tuple(json.loads(Path(__file__).with_suffix(".json").read_text("utf-8")))


def wordings() -> list[str]:
    """Return texts that hold every wording that training asks in, with nothing in its gaps.

    The wordings that are kept for tests are left out: their words count as unknown ones.
    """
    rng = Random(0)
    later = [kind["train"] for kind in (ELSE, THEN, NOW)]
    kinds = [*TRAIN.values(), *IT["train"].values(), *later, UNANSWERABLE["train"]]
    asked = [say(template, rng) for kind in kinds for template in 60 * kind]
    return sorted({*asked, *OPENINGS["train"], *CLOSINGS["train"]})
