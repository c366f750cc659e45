"""What every memory policy still answers, and recalls, at the same bytes.

    python -m benchmarks.quality [--quick] [--least N] [--most N] [--policies P ...]
                                 [--budgets N ...]

Seeded streams of the question world, a frame a second, are read under every policy of
`memory.POLICIES`, and asked at their end. Streams up to 256 frames go through the pixels; longer
ones are made of simulated tokens, and each row says which (`source`). A budget is a share of what
`full` holds at that length in fp16, all tokens. Each policy is bounded so that its stream never
holds more (`benchmarks.budgets` says what counts); where it cannot be, its rows say `over`. Budgets
below FEWEST frames are left out.

An answer is right when it equals, letter by letter, one of the right answers. `recall` is how much
of the frames that prove the answer some layer saw something of, at hand or recalled;
`recall_layers` is the mean over layers. The summary's means count all lengths alike; intervals are
those of drawing the streams anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import quality_report
from benchmarks.asking import ask, found
from benchmarks.budgets import fitted, full_bytes, held
from benchmarks.episodes import episodes
from benchmarks.quality_report import Answered
from benchmarks.replay import opened, read
from benchmarks.report import parser, publish
from longwatch.memory import POLICIES, Longwatch
from longwatch.memory.memory import Memory
from longwatch.models.bundled_model import FOLDER, load_bundled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from benchmarks.episodes import Episode
    from longwatch.memory.base import Policy
    from longwatch.models.bundled_model import BundledVLM

BUDGETS = (4, 10, 20)  # one in so many
FEWEST = 4  # frames
UNBOUNDED = "full"  # the oracle


class Length(NamedTuple):
    """Streams of one length."""

    frames: int
    streams: int
    each: int  # questions of a kind


LENGTHS = (
    Length(16, 12, 2),
    Length(64, 8, 3),
    Length(256, 6, 4),
    Length(1024, 3, 8),
    Length(4096, 2, 12),
)
QUICK = (Length(16, 1, 1), Length(64, 1, 1))


class Case(NamedTuple):
    """A policy at a budget, for streams of one length."""

    preset: str
    budget: str  # `1/10`, or `1` for all
    policy: Policy
    allowed: int  # bytes
    over: bool


@torch.inference_mode()
def evaluate(model: BundledVLM, policy: Policy, streams: Iterable[Episode]) -> list[Answered]:
    """Return what became of every question about streams that are read under a policy."""
    results = []
    for stream in streams:
        memory = Memory(policy, model.decoder.rope)
        opened(model, memory)
        for time, tokens in zip(stream.times, stream.tokens, strict=True):
            read(model, memory, model.frame_input(tokens, time), time)
        snapshot, stats = memory.snapshot(), memory.stats()
        asked_for = stats.device_bytes + stats.archive_bytes
        for question in stream.questions:
            said = ask(model, snapshot, question)
            seen = found(question, stream.times, said.seen)
            results.append(
                Answered(
                    frames=len(stream.times),
                    stream=stream.number,
                    source=stream.source,
                    kind=question.kind,
                    right=said.text in question.answers,
                    recall=None if seen is None else seen.anywhere,
                    recall_layers=None if seen is None else seen.layers,
                    used_bytes=held(memory),
                    asked_bytes=asked_for,
                )
            )
    return results


def policy_of(model: BundledVLM, preset: str) -> Policy:
    """Return a policy without a budget: of the size that the service gives ours for this model."""
    policy = POLICIES[preset]()
    return policy.sized(model.window_tokens) if isinstance(policy, Longwatch) else policy


def cases(
    model: BundledVLM, episode: Episode, presets: Sequence[str], budgets: Sequence[int]
) -> list[Case]:
    """Return the presets at every budget, for streams like this one."""
    frames, tokens = len(episode.times), episode.tokens[0]
    full = full_bytes(model, len(tokens), frames)
    made = []
    if UNBOUNDED in presets:
        made.append(Case(UNBOUNDED, "1", POLICIES[UNBOUNDED](), full, over=False))
    for share in budgets:
        if frames < FEWEST * share:
            continue
        for preset in presets:
            if preset != UNBOUNDED:
                fit = fitted(model, policy_of(model, preset), tokens, frames, full // share)
                made.append(Case(preset, f"1/{share}", fit.policy, full // share, fit.over))
    return made


def measure(
    model: BundledVLM, lengths: Sequence[Length], presets: Sequence[str], budgets: Sequence[int]
) -> list[tuple[Case, list[Answered]]]:
    """Read every stream under every case; return what became of the questions."""
    results: list[tuple[Case, list[Answered]]] = []
    for length in lengths:
        made: list[tuple[Case, list[Answered]]] = []
        for stream in episodes(model, length.frames, length.streams, length.each):
            made = made or [(case, []) for case in cases(model, stream, presets, budgets)]
            for case, answered in made:
                answered += evaluate(model, case.policy, [stream])
        for case, answered in made:
            told = f"{sum(a.right for a in answered)} of {len(answered)} right"
            print(f"{length.frames} frames, {case.preset} {case.budget}: {told}", file=sys.stderr)
        results += made
    return results


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("quality", (__doc__ or "").splitlines()[0])
    made.add_argument("--least", type=int, default=1, help="shortest, frames")
    made.add_argument("--most", type=int, default=LENGTHS[-1].frames, help="longest, frames")
    made.add_argument("--policies", nargs="*", default=list(POLICIES), choices=list(POLICIES))
    made.add_argument("--budgets", nargs="*", type=int, default=list(BUDGETS), metavar="ONE_IN")
    made.add_argument("--streams", type=float, default=1.0, help="times as many, at least one")
    made.add_argument("--folder", type=Path, default=FOLDER, help="of the model's files")
    return made


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    lengths = [
        length._replace(streams=max(1, round(length.streams * options.streams)))
        for length in (QUICK if options.quick else LENGTHS)
        if options.least <= length.frames <= options.most
    ]
    model = load_bundled(folder=options.folder)
    results = measure(model, lengths, options.policies, options.budgets)
    rows = [row for case, answered in results for row in quality_report.rows(case, answered)]
    tables = {(c.preset, c.budget, a[0].frames): a for c, a in results if a}
    over = {(c.preset, c.budget, a[0].frames) for c, a in results if a and c.over}
    summary = quality_report.summarise(tables, over)
    shown = [row for row in rows if row["kind"] == "all"]
    return publish(arguments(), words, rows, summary, shown)


if __name__ == "__main__":
    main()
