"""What a dialogue costs when all of it is read again with each question.

    python -m benchmarks.dialogue [--quick]

A stream whose window is full and whose archive has something to recall is asked the last question
of dialogues of 1 to 8 turns. `prefill_ms` is from the question to the first token's logits when the
whole dialogue is read, as the service does; `kept_ms` is the same for the last question alone,
which is the least that keeping the dialogue's keys and values could cost. All is the
processor's time, on one thread: medians of interleaved repeats.
"""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.episodes import episodes
from benchmarks.replay import opened, read
from benchmarks.report import parser, publish
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.streams.settings import StreamSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.memory import Snapshot
    from longwatch.models.bundled_model import BundledVLM

TURNS = (1, 3, 5, 7)  # questions and answers, the last one a question
FRAMES, REPEATS = 1024, 20
QUICK = (300, 10)
QUESTION = "and can you tell me what came just before that, please?"
ANSWER = "cheetah left and espresso bottom right, green background"


def dialogue(turns: int) -> list[Turn]:
    """Return a dialogue of so many turns that ends with a question."""
    made = [Turn("user", QUESTION), Turn("assistant", ANSWER)] * (turns // 2 + 1)
    return made[:turns]


def seconds(model: BundledVLM, snapshot: Snapshot, ids: list[int]) -> float:
    """Return how long it takes until the first token's logits are there."""
    start = time.process_time()
    context = snapshot.context(model.decoder.rope, room=len(ids) + 1)
    model.decoder.logits(model.read_text(ids, context))
    return time.process_time() - start


@torch.inference_mode()
def measure(frames: int, repeats: int, seed: int) -> list[dict[str, Any]]:
    """Return a row for each length of dialogue."""
    torch.set_num_threads(1)
    model = load_bundled()
    memory = Memory(StreamSettings().make_policy(model), model.decoder.rope)
    opened(model, memory)
    episode = next(iter(episodes(model, frames, 1, 1, seed)))
    for at, tokens in zip(episode.times, episode.tokens, strict=True):
        read(model, memory, model.frame_input(tokens, at), at)
    snapshot = memory.snapshot()
    asked = {turns: model.prompt_ids(dialogue(turns)) for turns in TURNS}
    taken: dict[int, list[float]] = {turns: [] for turns in TURNS}
    for _ in range(repeats + 1):
        for turns, ids in asked.items():
            taken[turns].append(seconds(model, snapshot, ids))
    alone = 1000 * median(taken[1][1:])
    return [
        {
            "turns": turns,
            "tokens": len(ids),
            "prefill_ms": 1000 * median(taken[turns][1:]),
            "min_ms": 1000 * min(taken[turns][1:]),
            "max_ms": 1000 * max(taken[turns][1:]),
            "kept_ms": alone,
        }
        for turns, ids in asked.items()
    ]


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    arguments = parser("dialogue", (__doc__ or "").splitlines()[0])
    options = arguments.parse_args(words)
    frames, repeats = QUICK if options.quick else (FRAMES, REPEATS)
    rows = measure(frames, repeats, options.seed)
    last = rows[-1]
    gain = {
        "longest_dialogue_ms": last["prefill_ms"],
        "most_that_keeping_saves_ms": last["prefill_ms"] - last["kept_ms"],
    }
    return publish(arguments, words, rows, gain)


if __name__ == "__main__":
    main()
