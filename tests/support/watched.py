"""Worlds and sampled frames for tests, and what they show told in the plainest way."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from longwatch.stream.sources.world import World
from training.questions import Truth

if TYPE_CHECKING:
    from training.questions.generator import Question

NAMES = tuple(f"thing {k}" for k in range(60))
GROUPS = {"low": NAMES[:20], "thing 3": NAMES[3:9]}


@st.composite
def truths(draw: st.DrawFn) -> tuple[Truth, int]:
    """Draw a truth, with frames evenly or at odd distances, and a frame that is now."""
    world = World(draw(st.integers(0, 2**32)), NAMES, pool=draw(st.sampled_from([4, 9, None])))
    steps = draw(st.lists(st.sampled_from([0.5, 1.0, 1.0, 1.0, 7.0]), min_size=1, max_size=60))
    start = draw(st.integers(0, 5000))
    times = [start + sum(steps[:k]) for k in range(len(steps))]
    groups = draw(st.sampled_from([None, GROUPS]))
    return Truth(world, times, groups=groups), draw(st.integers(0, len(times) - 1))


def frames_of(truth: Truth, word: str, now: int) -> list[int]:
    """Return the frames up to now that show the thing, by looking at each."""
    members = {word, *truth.groups.get(word, ())}
    return [k for k in range(now + 1) if members & set(shown(truth, k))]


def shown(truth: Truth, frame: int) -> list[str]:
    """Return the names that a frame shows."""
    return [event.name for event in truth.world.visible(truth.times[frame])]


def entries(truth: Truth, now: int) -> list[tuple[int, str]]:
    """Return (frame, name) for each thing that a frame shows and the one before does not."""
    return [
        (k, name)
        for k in range(now + 1)
        for name in shown(truth, k)
        if not k or name not in shown(truth, k - 1)
    ]


def many(kind: str, wordings: str = "train") -> list[Question]:
    """Return questions about many streams."""
    rng = Random(kind)
    found = []
    for seed in range(60):
        truth = Truth(World(seed, NAMES), range(40), groups=GROUPS)
        asked = [truth.ask(kind, rng.randrange(40), rng, wordings) for _ in range(30)]
        found += [question for question in asked if question is not None]
    return found
