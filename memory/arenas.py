"""The arenas of an archive's rungs: those of one codec share one, so that no room is idle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from longwatch.memory.arena import Arena

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.codec import Codec
    from longwatch.memory.seal import Rung, Sealing
    from longwatch.memory.sealed import Shape


def arenas(
    sealing: Sealing, shape: Shape, block: tuple[int, int, int], limit: int | None
) -> list[Arena]:
    """Return an empty arena for each rung, the same one for rungs of one codec.

    `block` has the heads, channels and tokens of a block; `limit` bounds the bytes in RAM.
    """
    alike: dict[Codec, list[Rung]] = {}
    for rung in sealing.rungs:
        alike.setdefault(rung.codec, []).append(rung)
    made = {codec: _arena(rungs, shape, block, limit) for codec, rungs in alike.items()}
    return [made[rung.codec] for rung in sealing.rungs]


def _arena(
    rungs: Sequence[Rung], shape: Shape, block: tuple[int, int, int], limit: int | None
) -> Arena:
    """Return an arena no larger than the blocks in RAM of rungs of one codec may be."""
    row_bytes = rungs[0].codec.row_bytes(*block)
    size = shape.layers * row_bytes
    slots = sum(rung.most(size) + 2 for rung in rungs)  # what was let go is freed a little later
    if limit is not None:
        slots = min(slots, limit // size + 2)
    most = None if math.isinf(slots) else int(slots)
    pinned = shape.device.type == "cuda"
    return Arena(shape.layers, row_bytes, pinned=pinned, most=most)
