"""Streams of real frames: worlds drawn with pictograms and read by the tower, kept as features.

    python -m training.real [--streams 280 560]

The last stage of the training reads them through the head, so that the language model meets what
vision really says. Only the styles that are trained on are drawn.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from longwatch.models.colours import frame_colours
from longwatch.models.efficientnet import preprocess
from longwatch.models.soft_words import likely
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training import sprites
from training.cells import coarse
from training.features import fused
from training.simulate import Sight, cells_of, coverage, holding, visible
from training.tower import tower

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.models.bundled_tokenizer import BundledTokenizer
    from longwatch.models.concept_head import ConceptHead
    from longwatch.models.efficientnet import EfficientNetLite2

FRAMES = 80
GRID = (3, 3)
SEEDS = 1 << 45  # apart from the simulated worlds and from those of the evaluation
BATCH = 4
WORDS = 6  # likely names of a token


class Real(NamedTuple):
    """One stream, as the tower saw it up to where nothing is trained."""

    seed: int
    style: str
    times: NDArray[np.float64]  # (frames,)
    maps: NDArray[np.float16]  # (frames, MIDDLE, 9, 9)
    colours: NDArray[np.float16]  # (frames, 10, 11)

    def source(self) -> SyntheticSource:
        """Return what was drawn."""
        return SyntheticSource(self.seed, sprites=sprites.sprites(self.style))


def folder() -> Path:
    """Return where the streams are kept."""
    return sprites.CACHE / "real"


def load() -> list[Real]:
    """Return all streams that were made."""
    found = []
    for path in sorted(folder().glob("????.npz")):
        with np.load(path) as file:
            found.append(
                Real(int(file["seed"]), str(file["style"]), *(file[k] for k in Real._fields[2:]))
            )
    return found


@torch.inference_mode()
def sights(
    head: ConceptHead, network: EfficientNetLite2, words: BundledTokenizer
) -> list[tuple[Real, Sight]]:
    """Return all streams that were made, as the head names what they show."""
    classes, cells, found = torch.tensor(words.classes), cells_of(GRID), []
    middles = (cells[:, :2] + cells[:, 2:]) / 2
    middles[0] = np.nan
    for real in load():
        parts = torch.from_numpy(real.maps).split(BATCH)
        pooled = torch.cat([coarse(head.maps(network, part.float())) for part in parts])
        frames, n = pooled.shape[:2]
        ids, p = likely(head(pooled).flatten(0, 1), classes, WORDS)
        _, shown, boxes = visible(real.source().world, real.times)
        sight = Sight(
            frame=np.arange(frames).repeat(n),
            words=ids.numpy(),
            p=p.numpy(),
            place=np.tile(middles, (frames, 1)).astype(np.float32),
            colour=real.colours.reshape(frames * n, -1).astype(np.float32),
            holds=holding(shown, coverage(boxes, cells)).reshape(-1),
            shown=shown,
        )
        found.append((real, sight))
    return found


@torch.inference_mode()
def make(see: Callable[[Tensor], Tensor], number: int) -> Real:
    """Draw and read stream `number`."""
    seed = SEEDS + number
    rng = np.random.default_rng(seed)
    style = str(rng.choice(sprites.TRAINED))
    source = SyntheticSource(seed, sprites=sprites.sprites(style))
    step = int(rng.choice([1, 1, 1, 2]))
    start = int(rng.integers((1, 3600, 3 * 3600)[rng.integers(3)]))
    times = start + step * np.arange(FRAMES, dtype=np.float64)
    maps: list[Any] = []
    colours: list[Any] = []
    for first in range(0, FRAMES, BATCH):
        frames = [Frame(source.draw(float(t)), float(t), 0) for t in times[first : first + BATCH]]
        pictures = preprocess(frames, torch.device("cpu"))
        maps.append(see(pictures).half())
        colours.append(frame_colours(pictures * 128 + 127, GRID).half())
    return Real(seed, style, times, torch.cat(maps).numpy(), torch.cat(colours).numpy())


def main() -> None:
    """Make the streams that are not there yet."""
    parser = argparse.ArgumentParser(prog="python -m training.real", description=__doc__)
    parser.add_argument("--streams", type=int, nargs=2, default=(280, 560), metavar=("FROM", "TO"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    see = fused(tower())
    folder().mkdir(parents=True, exist_ok=True)
    for number in range(*options.streams):
        path = folder() / f"{number:04}.npz"
        if not path.exists():
            part = path.with_name(f"part-{path.name}")
            np.savez(part, **make(see, number)._asdict())
            part.replace(path)


if __name__ == "__main__":
    main()
