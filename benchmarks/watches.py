"""Whether watches speak up when they should, how late, and what looking costs.

    python -m benchmarks.watches [--quick] --json benchmarks/results/watches.json

Seeded streams of the question world, two frames a second, are read by the bundled model as the
service sets it up. Of each stream are watched for: things that come and things that never do, in
the wordings that people use, a thing that leaves, and groups of things ("an animal"). The watches
are those of the service (`serve.watches`) with its own settings and its budget of checks on the
stream's clock, but no cooldown, so that each time that a condition comes true is to be told. It is
told right where the condition holds when the watch fires, and no earlier firing told the same
time. Delay is stream time from the first frame that shows it to the frame at which the watch fires
(the half second that a condition must hold is part of it), and the checks that ran meanwhile. The
rows `asked at every frame` look at every frame, without gate or budget. The likeness' two numbers
and the words that are put to the model were chosen on worlds of other seeds (from 2 ** 52 on).
"""

from __future__ import annotations

import statistics
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks.episodes import SEEDS, look
from benchmarks.replay import opened, read
from benchmarks.report import parser, publish
from longwatch.memory.memory import Memory
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.streams.stream import LatestFrame
from longwatch.serve.watches.condition import present, score, to_question
from longwatch.serve.watches.scheduler import CheckScheduler, CheckSettings
from longwatch.serve.watches.watch import Watch, WatchSettings
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training.questions.ground_truth import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from longwatch.memory.memory import Snapshot
    from longwatch.models.bundled_model import BundledVLM

FPS = 2.0
STREAMS, SECONDS = 12, 48
QUICK = (1, 16)
COMES = ("a {} appears", "tell me when you see a {}", "{}", "let me know if there is a {}")
LATE = 0.5  # seconds after its end in which a time may still be told


class Case(NamedTuple):
    """A condition, and the frames at which it holds."""

    kind: str
    condition: str
    holds: list[bool]


class Look(NamedTuple):
    """One frame, and what was held when it was read."""

    glimpse: LatestFrame
    snapshot: Snapshot


class Outcome(NamedTuple):
    """How a watch did on a stream."""

    kind: str
    right: int
    wrong: int
    missed: int
    delays: list[float]
    checks: int
    seconds: float  # of the model's thread, for all its checks
    frames: int


def cases(model: BundledVLM, seen: Seen, frames: int, rng: Random) -> Iterator[Case]:
    """Yield what is watched for in a stream."""
    names = seen.names(frames - 1)
    absent = [name for name in seen.world.known if name not in names]
    shown = [{name for name, _ in seen.things(k)} for k in range(frames)]

    def holds(word: str) -> list[bool]:
        return [bool(there.intersection(seen.members(word))) for there in shown]

    for name in rng.sample(names, min(3, len(names))):
        yield Case("comes", rng.choice(COMES).format(name), holds(name))
    for name in rng.sample(absent, 2):
        yield Case("comes", rng.choice(COMES).format(name), holds(name))
    for name in rng.sample(names, min(1, len(names))):
        gone = [not there for there in holds(name)]
        first = gone.index(False)  # it cannot leave before it came
        yield Case("leaves", f"the {name} leaves", [False] * first + gone[first:])
    groups = sorted({group for name in names for group in seen.words(name)})
    for group in rng.sample(groups, min(1, len(groups))):
        yield Case("group", f"tell me when you see any {group}", holds(group))


@torch.inference_mode()
def looks(model: BundledVLM, scene: SyntheticSource, times: Sequence[float]) -> list[Look]:
    """Read a stream; return what each frame left behind."""
    memory = Memory(StreamSettings().make_policy(model), model.decoder.rope)
    opened(model, memory)
    found = []
    for index, (at, tokens) in enumerate(zip(times, look(model, scene, times), strict=True)):
        read(model, memory, model.frame_input(tokens, at), at)
        frame = Frame(scene.draw(at), at, index)
        found.append(Look(LatestFrame(frame, tokens), memory.snapshot()))
    return found


class Scores:
    """The model's scores, each found once, with the seconds that it took."""

    def __init__(self, model: BundledVLM, seen: Sequence[Look]) -> None:
        self._model = model
        self._looks = {one.glimpse.frame.time: one for one in seen}
        self._known: dict[tuple[str, float], tuple[float, float]] = {}

    @torch.inference_mode()
    def of(self, condition: str, at: float) -> tuple[float, float]:
        """Return how true a condition is at the time of a frame, and the seconds it took."""
        known = self._known.get((condition, at))
        if known is None:
            one, put = self._looks[at], to_question(condition)
            start = time.process_time()
            now = present(one.snapshot, 1)
            yes = score(self._model, now, put.question, one.glimpse.tokens)
            took = time.process_time() - start
            known = self._known[condition, at] = (1 - yes if put.negated else yes), took
        return known


def watch(some: Sequence[Case], seen: Sequence[Look], scores: Scores, gate: bool) -> list[Outcome]:
    """Let watches look at a stream; return how each did."""
    rota = CheckScheduler(CheckSettings() if gate else CheckSettings(checks=1000.0, change=0.0))
    watches = [
        Watch(str(i), WatchSettings(one.condition, cooldown_s=0.0), 0.0)
        for i, one in enumerate(some)
    ]
    fired: list[list[tuple[float, float]]] = [[] for _ in some]  # (at, seconds of checks until)
    checks, spent = [0] * len(some), [0.0] * len(some)
    for one in seen:
        at, busy = one.glimpse.frame.time, 0.0
        for same in rota.see(watches, {"stream": one.glimpse}):
            if same.pair.rise.take(same.time, same.score, same.pair.watch.settings):
                fired[int(same.pair.watch.id)].append((at, busy))
        while (pair := rota.next(at)) is not None:
            rota.begin(pair)
            number = int(pair.watch.id)
            found, took = scores.of(some[number].condition, at)
            busy += took
            checks[number] += 1
            spent[number] += took
            if pair.rise.take(at, found, pair.watch.settings):
                fired[number].append((at, busy))
    times = [one.glimpse.frame.time for one in seen]
    return [
        Outcome(
            one.kind,
            *told(one, times, fired[i]),
            checks=checks[i],
            seconds=spent[i],
            frames=len(times),
        )
        for i, one in enumerate(some)
    ]


def told(
    case: Case, times: Sequence[float], fired: Sequence[tuple[float, float]]
) -> tuple[int, int, int, list[float]]:
    """Return how many firings were right and wrong, the times not told, and the delays."""
    spans = list(true_times(case.holds, times))
    hit: dict[int, float] = {}
    for at, busy in fired:
        for i, (start, end) in enumerate(spans):
            if start <= at <= end + LATE and i not in hit:
                hit[i] = at - start + busy
                break
    return len(hit), len(fired) - len(hit), len(spans) - len(hit), list(hit.values())


def true_times(holds: Sequence[bool], times: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Yield the first and the last frame's time of each run of two frames or more."""
    start: float | None = None
    last = 0.0
    for at, true in [*zip(times, holds, strict=True), (0.0, False)]:
        if true and start is None:
            start = at
        if not true and start is not None:
            if last > start:
                yield start, last
            start = None
        last = at


def row(way: str, kind: str, some: Sequence[Outcome]) -> dict[str, Any]:
    """Return what watches of a kind come to."""
    right, wrong, missed, checks, frames = (sum(of(one) for one in some) for of in _COUNTS)
    delays = [delay for one in some for delay in one.delays]
    return {
        "looks": way,
        "condition": kind,
        "watches": len(some),
        "times": right + missed,
        "told": right,
        "wrong": wrong,
        "precision": right / (right + wrong) if right + wrong else None,
        "recall": right / (right + missed) if right + missed else None,
        "delay_p50_s": statistics.median(delays) if delays else None,
        "checks_per_frame": checks / frames,
        "ms_per_check": 1000 * sum(one.seconds for one in some) / max(1, checks),
        "ms_per_watch_and_frame": 1000 * sum(one.seconds for one in some) / frames,
    }


_COUNTS: tuple[Callable[[Outcome], int], ...] = (
    lambda one: one.right,
    lambda one: one.wrong,
    lambda one: one.missed,
    lambda one: one.checks,
    lambda one: one.frames,
)


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("watches", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    model = load_bundled()
    streams, seconds = QUICK if options.quick else (STREAMS, SECONDS)
    times = [k / FPS for k in range(int(seconds * FPS))]
    ways: dict[str, list[Outcome]] = {"gate": [], "asked at every frame": []}
    for number in range(streams):
        seed = SEEDS + (options.seed << 24) + (777 << 10) + number
        scene = SyntheticSource(seed)
        seen = Seen(scene.world, times, groups=model.tokenizer.groups)
        some = list(cases(model, seen, len(times), Random(f"watches {seed}")))
        frames = looks(model, scene, times)
        scores = Scores(model, frames)
        for way, found in ways.items():
            found += watch(some, frames, scores, gate=way == "gate")
        print(f"stream {number}: {[one.condition for one in some]}", file=sys.stderr)
    rows = [
        row(way, kind, [one for one in found if kind in ("all", one.kind)])
        for way, found in ways.items()
        for kind in ("comes", "leaves", "group", "all")
        if kind == "all" or any(one.kind == kind for one in found)
    ]
    gated, always = (
        next(r for r in rows if (r["looks"], r["condition"]) == (w, "all")) for w in ways
    )
    keys = ("precision", "recall", "delay_p50_s", "ms_per_watch_and_frame")
    summary = {key: gated[key] for key in keys}
    summary |= {f"{key}_at_every_frame": always[key] for key in keys}
    return publish(arguments, words, rows, summary)


if __name__ == "__main__":
    main()
