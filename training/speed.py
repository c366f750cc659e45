"""How fast the bundled model watches and answers, on one thread and on two.

Repeats of all parts are interleaved. A frame is a picture of 640 x 480; "tower" is its preparation
and the vision tower alone, "projector" the head and the soft words that come on top, "read" the
language model's pass over the frame's tokens with the context full of frames before it, and "token"
one step of decoding there.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file

from benchmarks.report import parser, publish
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from longwatch.models.base import Turn
from longwatch.models.bundled_model import FOLDER
from longwatch.models.efficientnet import EfficientNetLite2, preprocess
from longwatch.models.loader import load_model
from longwatch.types import Frame

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from longwatch.models.base import VideoLM

THREADS = (1, 2)
SIZE = (480, 640)
QUESTION = "What do you see now?"
WARM = 2  # first repeats that do not count


class Bench:
    """The parts of the work for one frame, each by itself."""

    def __init__(self, model: VideoLM, frames: int) -> None:
        """Fill a memory with that many frames."""
        self._model = model
        self._tower = EfficientNetLite2().eval()
        self._tower.load_state_dict(load_file(FOLDER / "tower.safetensors"))
        self._frames = frames
        self._noise = np.random.default_rng(0)
        self._fill()

    def _fill(self) -> None:
        self._memory = Memory(Full(), self._model.decoder.rope)
        (seen,) = self._model.encode([self._frame(0)])
        for number in range(self._frames):
            self._read(seen, float(number))

    def _frame(self, number: int) -> Frame:
        image = self._noise.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        return Frame(image, float(number), number)

    def _read(self, seen: Any, time: float) -> None:
        source = self._model.frame_input(seen, time)
        draft = self._memory.begin(source.positions, time, source.advance)
        for _ in self._model.read(source, draft):
            pass
        self._memory.commit()

    def repeat(self) -> dict[str, float]:
        """Return the seconds of each part, done once."""
        model, frame = self._model, self._frame(self._frames)
        spent = dict[str, float]()
        with torch.inference_mode():
            cpu = torch.device("cpu")
            spent["tower"] = timed(lambda: self._tower.features(preprocess([frame], cpu)))
        encode = timed(lambda: model.encode([frame]))
        spent["projector"] = encode - spent["tower"]
        (seen,) = model.encode([frame])
        spent["read"] = timed(lambda: self._read(seen, frame.time))
        spent["frame"] = encode + spent["read"]
        ids = model.prompt_ids([Turn("user", QUESTION)])
        context = self._memory.snapshot().context(model.decoder.rope, room=len(ids) + 1)
        spent["question"] = timed(lambda: model.read_text(ids, context))
        spent["token"] = timed(lambda: model.read_text(ids[:1], context, context.length))
        self._frames += 1
        return spent


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(bench: Bench, repeats: int) -> list[dict[str, Any]]:
    """Return a row for each part and number of threads, in milliseconds."""
    spent: dict[tuple[int, str], list[float]] = defaultdict(list)
    before = torch.get_num_threads()
    try:
        for number in range(WARM + repeats):
            for threads in THREADS:
                torch.set_num_threads(threads)
                for part, seconds in bench.repeat().items():
                    if number >= WARM:
                        spent[threads, part].append(1000 * seconds)
    finally:
        torch.set_num_threads(before)
    return [
        {
            "threads": threads,
            "part": part,
            "ms": statistics.median(times),
            "ms_min": min(times),
            "ms_max": max(times),
        }
        for (threads, part), times in sorted(spent.items())
    ]


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return rates a second: of whole frames, of the tower alone, of decoded tokens."""
    rates = {"frame": "fps", "tower": "tower_fps", "token": "decode_tokens_per_s"}
    return {
        f"{rates[row['part']]}_{row['threads']}_threads": 1000 / row["ms"]
        for row in rows
        if row["part"] in rates
    }


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("speed", __doc__ or "")
    made.prog = "python -m training.speed"
    made.add_argument("--model", default="bundled", help="bundled, bundled:6x6 or bundled:9x9")
    made.add_argument("--frames", type=int, default=64, help="in the context")
    return made


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    bench = Bench(load_model(options.model, "cpu"), options.frames)
    rows = measure(bench, 5 if options.quick else 40)
    return publish(arguments(), words, rows, summarise(rows))


if __name__ == "__main__":
    main()
