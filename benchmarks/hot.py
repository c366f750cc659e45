"""A question that is asked again, with the blocks it decoded kept on the device and without.

    python -m benchmarks.hot [--quick]

The bundled model reads one frame, which is put into two memories again and again: what is recalled
takes as long whatever it shows. Then a question is prefilled on each in turns, at every room for
decoded blocks; `first` is the first of them, `again` the median of the others, in milliseconds on a
processor. `hits` is the share of the blocks of a layer that were there.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.episodes import episodes
from benchmarks.replay import opened, put, take
from benchmarks.report import parser, publish
from longwatch.memory import Longwatch
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.bundled_model import load_bundled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.models.bundled_model import BundledVLM

MIB = 1 << 20
ROOMS = (0, 16, 64, 256)  # MiB; the first is what others are compared with
FRAMES, REPEATS = 3000, 15
QUICK_FRAMES, QUICK_REPEATS = 300, 3
QUESTION = "What was there a minute ago?"


def filled(model: BundledVLM, room: int, frames: int) -> Memory:
    """Return a memory of so many frames that keeps `room` MiB of decoded blocks."""
    memory = Memory(Longwatch(window_tokens=200, tokens=1024), model.decoder.rope)
    memory.hot_bytes = room * MIB
    opened(model, memory)
    tokens = next(episodes(model, 1, 1, 0)).tokens[0]
    taken = take(model, model.frame_input(tokens, 0.0), 0.0)
    for number in range(frames):
        put(memory, taken, float(number))
    return memory


def prefill(model: BundledVLM, memory: Memory) -> tuple[float, torch.Tensor]:
    """Return the milliseconds of a question's prefill, and its last hidden state."""
    ids = model.prompt_ids([Turn("user", QUESTION)])
    start = time.thread_time()
    context = memory.snapshot().context(model.decoder.rope, room=len(ids))
    hidden = model.read_text(ids, context)
    return (time.thread_time() - start) * 1000, hidden


@torch.inference_mode()
def measure(model: BundledVLM, frames: int, repeats: int) -> list[dict[str, Any]]:
    """Return a row for each room."""
    memories = {room: filled(model, room, frames) for room in ROOMS}
    times: dict[int, list[float]] = {room: [] for room in ROOMS}
    for _ in range(repeats + 1):
        expected = None
        for room, memory in memories.items():
            took, hidden = prefill(model, memory)
            times[room].append(took)
            expected = hidden if expected is None else expected
            if not torch.equal(hidden, expected):
                raise RuntimeError(f"with {room} MiB of decoded blocks the answer is another")
    rows = []
    for room, (first, *again) in times.items():
        archive = memories[room].archive
        hot = None if archive is None else archive.hot
        rows.append(
            {
                "room_mib": room,
                "device_bytes": 0 if hot is None else hot.nbytes,
                "first_ms": first,
                "again_ms": statistics.median(again),
                "hits": 0.0 if hot is None else hot.hits / (hot.hits + hot.misses),
                "frames": frames,
            }
        )
    return [{**row, "ratio": row["again_ms"] / rows[0]["again_ms"]} for row in rows]


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    arguments = parser("hot", (__doc__ or "").splitlines()[0])
    words = sys.argv[1:] if given is None else list(given)
    options = arguments.parse_args(words)
    counts = (QUICK_FRAMES, QUICK_REPEATS) if options.quick else (FRAMES, REPEATS)
    rows = measure(load_bundled(), *counts)
    best = min(rows, key=lambda row: row["ratio"])
    summary = {"best_room_mib": best["room_mib"], "best_ratio": best["ratio"]}
    return publish(arguments, words, rows, summary)


if __name__ == "__main__":
    main()
