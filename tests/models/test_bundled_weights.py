"""The weights that are shipped, on the demo's photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import longwatch.cli
from longwatch.models.answer_words import CANNOT_TELL
from longwatch.models.bundled_model import FOLDER, BundledVLM, load_bundled
from longwatch.types import Frame
from training.answering import answer, read
from training.questions.generator import Question

if TYPE_CHECKING:
    from longwatch.memory.memory import Snapshot

MEDIA = Path(longwatch.cli.__path__[0]) / "demo" / "media"
TRUTH = json.loads((MEDIA / "truth.json").read_text())


@pytest.fixture(scope="module")
def shipped() -> BundledVLM:
    return load_bundled()


def photograph(file: str, time: float = 8.0) -> Frame:
    return Frame(np.asarray(Image.open(MEDIA / file).convert("RGB")), time, 0)


def watch(model: BundledVLM, frames: list[Frame]) -> Snapshot:
    tokens = model.encode(frames)
    return read(model, zip([frame.time for frame in frames], tokens, strict=True))


def ask(model: BundledVLM, snapshot: Snapshot, text: str) -> str:
    return answer(model, snapshot, Question("", text, ()))


def test_it_answers_most_questions_about_the_demos_photographs(shipped: BundledVLM) -> None:
    right = []
    for truth in TRUTH:
        name, snapshot = truth["name"], watch(shipped, [photograph(truth["file"])])
        right += [
            ask(shipped, snapshot, "What do you see now?") == name,
            ask(shipped, snapshot, f"Is there a {name}?") == "yes",
            ask(shipped, snapshot, "Is there a goldfish?") == "no",
            truth["place"] in ask(shipped, snapshot, f"Where is the {name}?"),
        ]
    assert sum(right) >= 0.75 * len(right)


def test_it_remembers_most_of_what_was_there_and_says_no_to_the_rest(shipped: BundledVLM) -> None:
    frames = [photograph(truth["file"], 2.0 * i) for i, truth in enumerate(TRUTH)]
    snapshot = watch(shipped, frames)
    seen = [ask(shipped, snapshot, f"Was there a {truth['name']}?") == "yes" for truth in TRUTH]
    assert sum(seen) >= len(TRUTH) - 1
    for absent in ("goldfish", "harp", "dalmatian"):
        assert ask(shipped, snapshot, f"Was there a {absent}?") == "no"


@pytest.mark.parametrize(
    "text",
    [
        "What will the weather be tomorrow?",
        "WHO IS THE PRESIDENT",
        "why is the espresso here?",
        "is there a zorblax?",
    ],
)
def test_it_says_that_it_cannot_tell(shipped: BundledVLM, text: str) -> None:
    snapshot = watch(shipped, [photograph("espresso.jpg")])
    assert ask(shipped, snapshot, text) == CANNOT_TELL


def test_case_and_punctuation_change_nothing_and_long_questions_are_answered(
    shipped: BundledVLM,
) -> None:
    snapshot = watch(shipped, [photograph("cat.jpg")])
    for text in ("what do you see now", "WHAT DO YOU SEE NOW???", "  What do  you see now ."):
        assert ask(shipped, snapshot, text) == "egyptian cat"
    assert ask(shipped, snapshot, "please " * 500 + "tell me what you see")


def test_every_photograph_of_the_demo_has_its_truth_and_licence() -> None:
    photographs = sorted(path.name for path in MEDIA.glob("*.jpg"))
    assert sorted(truth["file"] for truth in TRUTH) == photographs
    card = (MEDIA / "README.md").read_text()
    for name in photographs:
        assert f"`{name}`" in card
        assert (MEDIA / name).stat().st_size <= 60_000


def test_all_that_is_shipped_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 40 * 1024**2
