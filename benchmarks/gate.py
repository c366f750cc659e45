"""What recall adds to the window, and what it gains to leave it out where the model is sure.

    python -m benchmarks.gate [--quick]

Seeded streams of the question world, a frame a second, are read by `longwatch` as the service sets
it up. Each question about them is answered from the window alone (sinks included), with recall, and
with recall limited to the times that its words say (`serve.timewords`). The entropy gate
(WeaveTime, CVPR 2026; here of the first word's ten likeliest, `serve.sure`) answers from the window
where it is below a threshold, and asks again with recall elsewhere: a row a threshold says how many
questions it lets through, what is right then, and how long the first token takes against always
recalling, in the processor's time. Questions whose words say a time always recall, as in the
service. An answer is right when it equals one of the right ones letter by letter; means count all
lengths alike, intervals are those of drawing the streams anew.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from benchmarks import intervals
from benchmarks.asking import MOST
from benchmarks.episodes import episodes
from benchmarks.replay import opened, read
from benchmarks.report import parser, publish
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.answers.reader import next_token_entropy
from longwatch.serve.answers.scope import limit_recall
from longwatch.serve.answers.types import Question
from longwatch.serve.streams.settings import StreamSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.episodes import Episode
    from longwatch.memory.memory import Snapshot
    from longwatch.models.bundled_model import BundledVLM

LENGTHS = ((64, 4, 3), (256, 4, 3), (1024, 3, 4))  # frames, streams, questions of a kind
QUICK = ((64, 1, 1), (128, 1, 1))
THRESHOLDS = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0)  # nats; WeaveTime takes 0.6 over four layers


class Tried(NamedTuple):
    """What became of one way to answer."""

    right: bool
    entropy: float  # of the first word, nats
    seconds: float  # of the processor's time, until it


class Asked(NamedTuple):
    """What became of a question."""

    frames: int
    stream: int
    kind: str
    said: bool  # its words say a time
    window: Tried
    recall: Tried
    ranged: Tried

    def gated(self, threshold: float) -> tuple[bool, bool, float]:
        """Return whether the gate lets it through, whether it is right, and the time it takes."""
        if self.said:
            return False, self.ranged.right, self.ranged.seconds
        if self.window.entropy < threshold:
            return True, self.window.right, self.window.seconds
        return False, self.recall.right, self.window.seconds + self.recall.seconds


@torch.inference_mode()
def answers(model: BundledVLM, episode: Episode) -> list[Asked]:
    """Return what became of every question about a stream."""
    memory = Memory(StreamSettings().make_policy(model), model.decoder.rope)
    opened(model, memory)
    for at, tokens in zip(episode.times, episode.tokens, strict=True):
        read(model, memory, model.frame_input(tokens, at), at)
    snapshot, found = memory.snapshot(), []
    for question in episode.questions:
        turns = [Turn(role, text) for pair in question.history for role, text in _roles(*pair)]
        turns.append(Turn("user", question.text))
        limits = limit_recall(snapshot, Question(tuple(turns)))
        ids = model.prompt_ids(turns)
        window = _answer(model, snapshot, ids, question.answers, recall=False)
        recall = _answer(model, snapshot, ids, question.answers, recall=True)
        said, ranged = limits.span is not None, recall
        if said:
            ranged = _answer(model, limits.snapshot, ids, question.answers, recall=True)
        place = len(episode.times), episode.number, question.kind
        found.append(Asked(*place, said, window, recall, ranged))
    return found


def _roles(asked: str, answered: str) -> tuple[Any, Any]:
    return ("user", asked), ("assistant", answered)


def _answer(
    model: BundledVLM, snapshot: Snapshot, ids: list[int], right: Sequence[str], *, recall: bool
) -> Tried:
    start = time.process_time()
    context = snapshot.context(model.decoder.rope, room=len(ids) + MOST, recall=recall)
    logits = model.decoder.logits(model.read_text(ids, context))
    unsure = next_token_entropy(logits)
    seconds = time.process_time() - start
    said: list[int] = []
    while (token := int(logits.argmax())) not in model.stop_ids and len(said) < MOST:
        said.append(token)
        logits = model.decoder.logits(model.read_text([token], context, context.length))
    return Tried(model.tokenizer.decode(said) in right, unsure, seconds)


def share(asked: Sequence[Asked], of: Callable[[Asked], float]) -> intervals.Mean:
    """Return the mean of something over lengths of the mean over streams, with its interval."""
    values: dict[int, dict[int, list[float]]] = {}
    for one in asked:
        values.setdefault(one.frames, {}).setdefault(one.stream, []).append(of(one))
    means = {
        frames: [sum(some) / len(some) for some in streams.values()]
        for frames, streams in values.items()
    }
    return intervals.mean(means)


def row(asked: Sequence[Asked], threshold: float) -> dict[str, Any]:
    """Return what a gate of this threshold comes to."""
    through = [one for one in asked if one.gated(threshold)[0]]
    right = share(asked, lambda one: float(one.gated(threshold)[1]))
    always = sum(one.ranged.seconds for one in asked)
    return {
        "gate_nats": threshold,
        "skips_recall": share(asked, lambda one: float(one.gated(threshold)[0])).mean,
        "accuracy": right.mean,
        "ci95": [right.low, right.high],
        "accuracy_always": share(asked, lambda one: float(one.ranged.right)).mean,
        "of_skipped": sum(one.window.right for one in through) / max(1, len(through)),
        "of_skipped_with_recall": sum(one.recall.right for one in through) / max(1, len(through)),
        "ttft_ratio": sum(one.gated(threshold)[2] for one in asked) / always,
    }


def by_length(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Return a row for each length and for questions that say a time and those that do not."""
    rows = []
    for frames in dict.fromkeys(one.frames for one in asked):
        for said in (True, False):
            some = [one for one in asked if (one.frames, one.said) == (frames, said)]
            if some:
                ways = {"window": "window", "recall": "recall", "ranged": "recall_in_range"}
                right = {
                    label: sum(getattr(one, way).right for one in some) / len(some)
                    for way, label in ways.items()
                }
                seconds = sum(one.recall.seconds for one in some)
                ttft = sum(one.window.seconds for one in some) / seconds
                rows.append(
                    {
                        "frames": frames,
                        "says_a_time": said,
                        "questions": len(some),
                        **right,
                        "ttft_window_ratio": ttft,
                    }
                )
    return rows


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("gate", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    torch.set_num_threads(1)
    model = load_bundled()
    asked: list[Asked] = []
    for frames, streams, each in QUICK if options.quick else LENGTHS:
        for episode in episodes(model, frames, streams, each, options.seed):
            asked += answers(model, episode)
            print(f"{frames} frames, stream {episode.number}: {len(asked)}", file=sys.stderr)
    gates = [row(asked, threshold) for threshold in THRESHOLDS]
    always = share(asked, lambda one: float(one.ranged.right))
    # Fast enough to be worth it, and not one answer in two hundred worse.
    worth = [g for g in gates if g["accuracy"] >= always.mean - 0.005 and g["ttft_ratio"] < 1]
    summary = {
        "questions": len(asked),
        "accuracy_window": share(asked, lambda one: float(one.window.right)).mean,
        "accuracy_recall": share(asked, lambda one: float(one.recall.right)).mean,
        "accuracy_recall_in_range": always.mean,
        "ci95_recall_in_range": [always.low, always.high],
        "gates_worth_it": [g["gate_nats"] for g in worth],
    }
    return publish(arguments, words, [*by_length(asked), *gates], summary)


if __name__ == "__main__":
    main()
