"""What few bits cost: the error of keys and values by bits and by the axis that shares a scale.

Half of `benchmarks.archive`; it has no report of its own.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from longwatch.memory.codec import Codec
from longwatch.models.bundled_model import load_bundled
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame
from training.answering import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from longwatch.memory.quantiser import Axis

SEEDS = 1 << 51  # worlds from here on were never trained on, nor evaluated
BATCH = 8  # frames that the tower reads together
FEW = (8, 4, 2)
AXES: tuple[Axis, ...] = ("channel", "token")


class Blocks(NamedTuple):
    """Blocks of one size, of any number of layers."""

    name: str
    keys: Tensor  # (b, h, T, d), not rotated
    values: Tensor  # (b, h, T, d)


def real(worlds: int, frames: int, tokens: int) -> Iterator[Blocks]:
    """Yield what the bundled model made of frames: one a block, and blocks of `tokens`."""
    model = load_bundled()
    read_frames: list[tuple[Tensor, Tensor]] = []  # (L, h, n, d) each
    for world in range(worlds):
        source = SyntheticSource(SEEDS + world)
        times = [float(t) for t in range(frames)]
        seen = []
        for start in range(0, frames, BATCH):
            batch = times[start : start + BATCH]
            seen += model.encode([Frame(source.draw(t), t, 0) for t in batch])
        snapshot = read(model, zip(times, seen, strict=True))
        read_frames += [
            (torch.stack(s.keys), torch.stack(s.values))
            for s in snapshot.segments
            if s.time is not None
        ]
    n = read_frames[0][0].shape[2]
    for name, together in (("one frame", 1), ("several frames", tokens // n)):
        groups = range(0, len(read_frames) - together + 1, together)
        keys, values = (
            torch.cat(
                [torch.cat([f[i] for f in read_frames[at : at + together]], 2) for at in groups]
            )
            for i in range(2)
        )
        yield Blocks(f"bundled model, {name}", keys, values)


def random(shape: Sequence[int], seed: int) -> Blocks:
    """Return normal numbers of `shape`, (b, h, T, d)."""
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(*shape, generator=generator) for _ in range(2))
    return Blocks("random", keys, values)


def rows(blocks: Blocks) -> list[dict[str, Any]]:
    """Return a row for each setting, the same for keys as for values."""
    exact: list[tuple[int, Axis]] = [(32, "token"), (16, "token")]
    found = []
    for bits, axis in (*exact, *product(FEW, AXES)):
        codec = Codec(bits, bits, axis, axis)
        b, h, tokens, d = blocks.keys.shape
        packed = codec.encode(blocks.keys, blocks.values, torch.full((b,), tokens))
        keys, values = codec.decode(packed, h, d, tokens, torch.float32)
        found.append(
            {
                "blocks": blocks.name,
                "tokens": tokens,
                "bits": bits,
                "axis": axis if bits in FEW else "any",
                "key_error": relative(keys, blocks.keys),
                "value_error": relative(values, blocks.values),
                "bits_with_scales": packed.shape[1] * 8 / (2 * h * tokens * d),
                "fp16_over_stored": 2 * h * tokens * d * 2 / packed.shape[1],
            }
        )
    return found


def relative(found: Tensor, x: Tensor) -> float:
    """Return the root mean square of the error over that of `x`."""
    return float((found - x).norm() / x.norm())


def better_axis(table: Sequence[Mapping[str, Any]], kind: str, bits: int) -> dict[str, str]:
    """Return the axis of the smaller error of "key" or "value", by blocks."""
    best: dict[str, tuple[float, str]] = {}
    for row in table:
        if row["bits"] == bits:
            rival = row[f"{kind}_error"], row["axis"]
            best[row["blocks"]] = min(best.get(row["blocks"], rival), rival)
    return {name: axis for name, (_, axis) in best.items()}
