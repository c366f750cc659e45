"""What an hour of real video costs in tokens: one in which much happens, one in which nothing does.

    python -m benchmarks.hour [--quick]

The busy hour shows real clips in turns, over and over, at their own speed; the static one a single
picture of theirs, with a sensor's noise, new in each frame. Both are an hour by their timestamps,
at two frames a second on the 9 x 9 grid of the bundled model. Each setting says what stands between
the tower and the language model: `threshold` is DTD alone as published, `rate` a token rate with
our compressor, `gate` the key-frame gate, and `rate + gate` both. `per_second` has the tokens a
second that were read in each minute. The pictures of the clips are encoded once, noisy ones are
NOISY that take turns by chance.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.clips import NAMES, pictures
from benchmarks.plots import Axis, lines
from benchmarks.report import ROOT, parser, publish
from longwatch.models.bundled_model import load_bundled
from longwatch.serve.streams.reduction import FrameReducer, ReductionSettings
from longwatch.types import Frame

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from longwatch.models.base import VideoLM
    from longwatch.types import VisualTokens

    Shown = tuple[NDArray[np.uint8], VisualTokens]

FPS = 2.0
GRID = (9, 9)
HOUR, MINUTE = 3600.0, 60.0
QUICK = 120.0  # seconds
NOISE, NOISY = 5.0, 12  # of 255, standard deviation; pictures
RATE = 41.0  # tokens a second: a quarter of all
GATE = 0.05
BOTH = "rate + gate"
SETTINGS: Mapping[str, ReductionSettings] = {
    "all": ReductionSettings(),
    "threshold": ReductionSettings("dtd"),
    "gate": ReductionSettings(gate=GATE),
    "rate": ReductionSettings("longwatch", token_rate=RATE),
    BOTH: ReductionSettings("longwatch", token_rate=RATE, gate=GATE),
}


def shown(model: VideoLM, images: Iterable[NDArray[np.uint8]]) -> list[Shown]:
    """Return pictures with their tokens."""
    return [(image, model.encode([Frame(image, 0.0, 0)])[0]) for image in images]


def noisy(image: NDArray[np.uint8], count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Return a picture as a sensor would see it again and again."""
    rng = np.random.default_rng(seed)
    found = (image + rng.normal(0, NOISE, image.shape) for _ in range(count))
    return [picture.clip(0, 255).astype(np.uint8) for picture in found]


def busy(clips: Sequence[Shown], count: int) -> Iterator[Shown]:
    """Yield clips over and over."""
    for i in range(count):
        yield clips[i % len(clips)]


def static(pool: Sequence[Shown], count: int, seed: int) -> Iterator[Shown]:
    """Yield pictures of one scene, in an order that never repeats."""
    for i in np.random.default_rng(seed).integers(len(pool), size=count):
        yield pool[int(i)]


def per_minute(settings: ReductionSettings, frames: Iterable[Shown], seconds: float) -> list[float]:
    """Return the tokens a second that are read in each minute of a stream."""
    sparing = FrameReducer(settings)
    read = np.zeros(int(np.ceil(seconds / MINUTE)))
    for i, (image, tokens) in enumerate(frames):
        frame = Frame(image, i / FPS, i)
        if sparing.is_duplicate(frame):
            continue
        out = sparing.compress(tokens, frame, lost=0, waiting=0)
        if out is not None:
            sparing.commit(frame)
            read[int(frame.time // MINUTE)] += len(out)
    return [float(tokens) for tokens in read / MINUTE]


@torch.inference_mode()
def measure(model: VideoLM, seconds: float, seed: int) -> list[dict[str, Any]]:
    """Return a row for each setting and hour."""
    count = int(seconds * FPS)
    clips = [image for name in NAMES for image in pictures(name, FPS)]
    moving = shown(model, clips[:count])
    still = shown(model, noisy(clips[0], NOISY, seed))
    found = []
    for name, settings in SETTINGS.items():
        hours = {"busy": busy(moving, count), "static": static(still, count, seed)}
        for hour, frames in hours.items():
            rate = per_minute(settings, frames, seconds)
            mean = float(np.mean(rate))
            found.append({"setting": name, "hour": hour, "mean": mean, "per_second": rate})
    return found


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the static hour's tokens over the busy one's."""
    mean = {(row["setting"], row["hour"]): row["mean"] for row in rows}
    ratios = {name: mean[name, "static"] / mean[name, "busy"] for name in SETTINGS}
    return {"static_over_busy": ratios, "static_over_busy_ours": ratios[BOTH]}


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    made = parser("hour", (__doc__ or "").splitlines()[0])
    made.add_argument("--plots", action="store_true", help="draw benchmarks/results/hour.png")
    return made


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and publish the report."""
    words = sys.argv[1:] if given is None else list(given)
    options = arguments().parse_args(words)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = measure(load_bundled(grid=GRID), QUICK if options.quick else HOUR, options.seed)
    finally:
        torch.set_num_threads(threads)
    if options.plots:
        series = {
            f"{row['setting']}, {row['hour']}": list(enumerate(row["per_second"])) for row in found
        }
        path = ROOT / "benchmarks" / "results" / "hour.png"
        lines(path, "tokens a second", (Axis("minute"), Axis("tokens a second")), series)
    shown_rows = [{k: v for k, v in row.items() if k != "per_second"} for row in found]
    return publish(arguments(), words, found, summarise(found), shown_rows)


if __name__ == "__main__":
    main()
