"""Streams with questions, drawn at random: what a stage of the training learns from."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from longwatch.errors import ConfigError
from longwatch.models.bundled_tokenizer import OPENING
from longwatch.stream.sources.world import World
from training.questions import KINDS, Truth
from training.simulate import GRIDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from longwatch.models.bundled_tokenizer import BundledTokenizer
    from longwatch.stream.sources.world import Event
    from training.questions import Question
    from training.simulate import Sight, Simulator

KEPT, AT_HAND = 0.4, 16  # share of an older frame's tokens, and how many frames are not older
WIDEST = 48  # frames of a window
TEXT_LIMIT = 36  # tokens of a question with its answer
SEEDS = 1 << 40  # worlds below are for training


@dataclass(frozen=True)
class Lesson:
    """What a stage of the training draws its streams from."""

    frames: tuple[int, int] = (1, 64)  # least and most, drawn on a log scale
    questions: int = 32  # of a stream
    tokens: int = 320  # most visual tokens of a stream
    grids: tuple[float, float, float] = (0.8, 0.1, 0.1)  # shares of 3x3, 6x6, 9x9
    whole: float = 0.15  # share of streams whose every token is kept
    last: float = 0.5  # share of questions asked at the end
    wordings: str = "train"
    real: float = 0.0  # share of streams that were drawn and seen by the tower
    thinned: float = 0.0  # share of streams of whose older frames questions see KEPT of the tokens
    windowed: float = 0.0  # share of streams whose frames were read within a window
    photographs: float = 0.0  # share of simulated things that fill the frame which look like one
    often: Mapping[str, float] = field(default_factory=dict)  # kind -> weight, 1 where it lacks

    def __post_init__(self) -> None:
        """Check the kinds."""
        if unknown := set(self.often) - set(KINDS):
            raise ConfigError(f"{sorted(unknown)} are no kinds of question; take of {KINDS}")

    def shares(self) -> NDArray[np.float64]:
        """Return the share of each of KINDS among the questions."""
        weights = [self.often.get(kind, 1.0) for kind in KINDS]
        return np.array(weights) / sum(weights)


class Asked(NamedTuple):
    """One question as tokens."""

    kind: str
    prompt: list[int]  # with the earlier turns, up to and with <bot>
    answer: list[int]  # with <eos>
    now: int  # index of the last frame seen
    frames: tuple[int, ...]  # those that prove the answer
    names: tuple[str, ...]  # what is asked about
    time: float | None  # seconds asked for by "at"


class Sample(NamedTuple):
    """One stream: the tokens that were kept, and its questions."""

    sight: Sight
    times: NDArray[np.float64]  # (frames,) seconds
    position: NDArray[np.int64]  # (tokens,)
    events: list[Event]
    asked: list[Asked]
    kept: NDArray[np.bool_]  # (tokens,) those that questions see once their frame is not at hand
    window: int | None = None  # frames before it that each one saw as it was read; None: all

    def seen(self, now: int) -> NDArray[np.bool_]:
        """Return which tokens a question sees that is asked after frame `now`, (tokens,)."""
        frame = self.sight.frame
        return (frame <= now) & (self.kept | (frame > now - (self.window or AT_HAND)))

    def near(self) -> NDArray[np.bool_]:
        """Return which tokens each one saw as it was read, (tokens, tokens); all the opening."""
        frame = self.sight.frame
        before = np.tri(len(frame), dtype=np.bool_)
        if self.window is None:
            return before
        return before & ((frame >= frame[:, None] - self.window) | (frame < 0))


class Maker:
    """Draws streams with questions."""

    def __init__(
        self,
        names: Sequence[str],
        groups: Mapping[str, Sequence[str]],
        simulator: Simulator,
        tokenizer: BundledTokenizer,
        real: Sequence[tuple[World, NDArray[np.float64], Sight]] = (),
    ) -> None:
        """Draw things out of `names`, and words for several of them out of `groups`.

        `real` are streams that were seen: their worlds, the times of their frames, their tokens.
        """
        self.real = real
        self.names, self.groups = names, groups
        self.simulator, self.tokenizer = simulator, tokenizer
        self.ids = tokenizer.ids

    def sample(self, lesson: Lesson, rng: np.random.Generator) -> Sample:
        """Return a stream that `rng` draws."""
        least, most = np.log(lesson.frames[0]), np.log(lesson.frames[1] + 0.99)
        frames = int(np.exp(rng.uniform(least, most)))
        if self.real and rng.random() < lesson.real:
            world, times, sight, events = self._real(frames, rng)
        else:
            grid = GRIDS[rng.choice(len(GRIDS), p=lesson.grids)]
            times = _times(frames, rng)
            world = World(int(rng.integers(SEEDS)), self.names)
            sight = self.simulator.see(world, times, grid, rng, lesson.photographs)
            events = world.during(times)
        sight = drop(sight, lesson, rng).opened(self.ids[OPENING])
        truth = Truth(world, times.tolist(), groups=self.groups)
        asked = self._ask(truth, lesson, rng)
        kept = np.ones(len(sight.frame), np.bool_)
        if lesson.thinned and rng.random() < lesson.thinned:
            kept = thinned(sight, rng)
        window = None
        if lesson.windowed and rng.random() < lesson.windowed:
            window = int(np.exp(rng.uniform(0, np.log(WIDEST + 0.99))))
        return Sample(sight, times, _positions(sight.frame, rng), events, asked, kept, window)

    def _real(
        self, frames: int, rng: np.random.Generator
    ) -> tuple[World, NDArray[np.float64], Sight, list[Event]]:
        """Return some consecutive frames of a stream that the tower has seen."""
        world, times, sight = self.real[int(rng.integers(len(self.real)))]
        frames = min(frames, len(times))
        first = int(rng.integers(len(times) - frames + 1))
        part = times[first : first + frames]
        return world, part, sight.cut(first, first + frames), world.during(times)

    def _ask(self, truth: Truth, lesson: Lesson, rng: np.random.Generator) -> list[Asked]:
        asked: list[Asked] = []
        frames = len(truth.times)
        dice, shares = Random(int(rng.integers(SEEDS))), lesson.shares()
        for _ in range(4 * lesson.questions):
            now = frames - 1 if rng.random() < lesson.last else int(rng.integers(frames))
            kind = KINDS[rng.choice(len(KINDS), p=shares)]
            question = truth.ask(kind, now, dice, wordings=lesson.wordings)
            if question is None:
                continue
            one = self.tokens(question, now, truth.times)
            if len(one.prompt) + len(one.answer) <= TEXT_LIMIT:
                asked.append(one)
            if len(asked) == lesson.questions:
                break
        return asked

    def tokens(self, question: Question, now: int, times: Sequence[float]) -> Asked:
        """Return a question, asked after frame `now` of those at `times` (seconds), as tokens."""
        user, bot, eos = (self.ids[mark] for mark in ("<user>", "<bot>", "<eos>"))
        encode = self.tokenizer.encode
        prompt: list[int] = []
        for earlier, said in question.history:
            prompt += [user, *encode(earlier), bot, *encode(said), eos]
        prompt += [user, *encode(question.text), bot]
        answer = [*encode(question.answers[0]), eos]
        time = times[question.frames[0]] if question.kind == "at" else None
        return Asked(question.kind, prompt, answer, now, question.frames, question.names, time)


def _times(frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return whole seconds: mostly one after another, now and then with gaps, from any hour."""
    start = 0 if rng.random() < 0.5 else int(rng.integers(3 * 3600))
    step = np.ones(frames, np.int64)
    kind = rng.random()
    if kind < 0.15:
        step[:] = rng.integers(2, 5)
    elif kind < 0.3:
        step += rng.random(frames) < 0.2
    elif kind < 0.4:
        step += (rng.random(frames) < 0.05) * rng.integers(5, 300, frames)
    return np.asarray(start + step.cumsum() - step[0], np.float64)


def drop(sight: Sight, lesson: Lesson, rng: np.random.Generator) -> Sight:
    """Drop tokens at random, empty cells first, as a compressor would.

    The tokens of whole frames stay; cells go until at most `lesson.tokens` are left.
    """
    n, frames = len(sight.frame), int(sight.frame[-1]) + 1
    if rng.random() < lesson.whole and n <= lesson.tokens:
        return sight
    whole = np.isnan(sight.place[:, 0])
    empty, full = rng.choice([0.0, 0.1, 0.3, 0.6]), rng.choice([1.0, 1.0, 0.8, 0.5])
    if n // frames > 10:
        full = min(full, 0.5 if n // frames < 50 else 0.25)
    keep = (rng.random(n) < np.where(sight.holds >= 0, full, empty)) | whole
    excess = int(keep.sum()) - max(lesson.tokens, frames)
    if excess > 0:
        keep[rng.permutation(np.flatnonzero(keep & ~whole))[:excess]] = False
    return sight.take(keep)


def thinned(sight: Sight, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which tokens are left of each frame when it is sealed, those with things first.

    They were read with the others, unlike those that `drop` leaves.
    """
    worth = rng.random(len(sight.frame)) + (sight.holds >= 0) + np.isnan(sight.place[:, 0])
    order = np.lexsort((-worth, sight.frame))
    _, starts, counts = np.unique(sight.frame, return_index=True, return_counts=True)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - starts.repeat(counts)
    return np.asarray(rank < np.ceil(KEPT * counts).repeat(counts))


def _positions(frame: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return each token's position: all tokens of a frame share one; now and then frames lack."""
    position = frame + 1
    if rng.random() < 0.25:
        most = int(np.exp(rng.uniform(0, np.log(100))))
        rare = rng.random(int(frame[-1]) + 1) < 0.2
        gaps = (rare * rng.integers(0, most + 1, len(rare))).cumsum()
        position = position + np.concatenate([[0], gaps])[position]
    return position
