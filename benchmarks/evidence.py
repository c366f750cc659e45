"""Whether the frames that an answer shows as its evidence are those that prove it.

    python -m benchmarks.evidence [--quick]

Seeded streams of the question world, a frame a second, longer than the window, are read as the
service sets them up and asked at their end. A question counts where frames are known that prove its
answer, and is about the past where the newest frame is none of them. Of the four frames that are
shown, one must be among those: `attention` shows what the service does (`serve.evidence`), the mean
over the model's heads for evidence; `all_heads` the same over all heads; `recall` the three with
the best recall scores and the newest at hand; `chance` is what four frames by chance would find.
`right` has those questions alone that were answered right. Intervals are those of drawing the
streams anew.
"""

from __future__ import annotations

import sys
from math import comb
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import intervals
from benchmarks.asking import put, spoken
from benchmarks.episodes import episodes
from benchmarks.replay import opened, read
from benchmarks.report import parser, publish
from longwatch.memory.memory import Memory
from longwatch.memory.recall import Recaller
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.answers import evidence as evidence_of
from longwatch.serve.streams.settings import StreamSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.episodes import Episode
    from longwatch.memory.context import Context
    from longwatch.memory.memory import Snapshot
    from longwatch.models.bundled_model import BundledVLM
    from training.questions import Question as Asked

LENGTHS = ((64, 8, 3), (256, 6, 3))  # frames, streams, questions of a kind
QUICK = ((64, 1, 1),)
WAYS = ("attention", "all_heads", "recall", "chance")


class Shown(NamedTuple):
    """What became of one question."""

    frames: int
    stream: int
    kind: str
    past: bool
    right: bool
    hit: dict[str, float]  # by way: whether a true frame was among those shown


@torch.inference_mode()
def show(model: BundledVLM, snapshot: Snapshot, asked: Asked, at: Sequence[float]) -> Shown | None:
    """Ask, and return which ways showed a frame that proves the answer; None if none does."""
    true = {at[frame] for frame in asked.frames}
    if not true:
        return None
    limits, ids, context = put(model, snapshot, asked)
    words = spoken(model, context, ids)
    first = next(words, None)  # the prompt was read, and nothing else
    shown = {
        "attention": [e.time for e in evidence_of.evidence(model, context, limits)],
        "all_heads": _most(context.gaze.frames(context)) if context.gaze else [],
        "recall": _recalled(context, snapshot),
    }
    said = model.tokenizer.decode([] if first is None else [first, *words])
    hit = {way: float(bool(true & set(times))) for way, times in shown.items()}
    few = min(evidence_of.MOST, len(at))
    hit["chance"] = 1 - comb(len(at) - len(true), few) / comb(len(at), few)
    return Shown(len(at), 0, asked.kind, at[-1] not in true, said in asked.answers, hit)


def _most(weights: dict[float, float]) -> list[float]:
    return sorted(weights, key=lambda time: -weights[time])[: evidence_of.MOST]


def _recalled(context: Context, snapshot: Snapshot) -> list[float]:
    weights = context.recall.times() if isinstance(context.recall, Recaller) else {}
    return [*_most(weights)[: evidence_of.MOST - 1], *snapshot.times[-1:]]


def watch(model: BundledVLM, stream: Episode) -> list[Shown]:
    """Read a stream and ask all questions about it."""
    memory = Memory(StreamSettings().make_policy(model), model.decoder.rope)
    opened(model, memory)
    for at, tokens in zip(stream.times, stream.tokens, strict=True):
        read(model, memory, model.frame_input(tokens, at), at)
    snapshot = memory.snapshot()
    found = (show(model, snapshot, asked, stream.times) for asked in stream.questions)
    return [each._replace(stream=stream.number) for each in found if each is not None]


def rows_of(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """Return a row for each kind and length."""
    keys = sorted({(each.frames, each.kind) for each in shown})
    rows = []
    for frames, kind in keys:
        some = [each for each in shown if (each.frames, each.kind) == (frames, kind)]
        means = {way: sum(each.hit[way] for each in some) / len(some) for way in WAYS}
        rows.append({"frames": frames, "kind": kind, "questions": len(some), **means})
    return rows


def summary_of(shown: Sequence[Shown]) -> dict[str, Any]:
    """Return what the contract names, over questions about the past."""
    past = [each for each in shown if each.past]
    right = [each for each in past if each.right]
    told: dict[str, Any] = {"questions": len(past), "answered_right": len(right)}
    for name, some in (("", past), ("right_", right)):
        for way in WAYS if some else ():
            told[f"{name}{way}"] = sum(each.hit[way] for each in some) / len(some)
    told["true_frame_in_4"] = told.get("attention")
    hits: dict[int, dict[int, list[float]]] = {}
    for each in past:
        hits.setdefault(each.frames, {}).setdefault(each.stream, []).append(each.hit["attention"])
    means = {n: [sum(h) / len(h) for h in streams.values()] for n, streams in hits.items()}
    told["ci95"] = list(intervals.mean(means)[1:]) if means else None
    return told


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("evidence", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    model = load_bundled()
    shown: list[Shown] = []
    for frames, streams, each in QUICK if options.quick else LENGTHS:
        for stream in episodes(model, frames, streams, each, options.seed):
            shown += watch(model, stream)
    return publish(arguments, words, rows_of(shown), summary_of(shown))


if __name__ == "__main__":
    main()
