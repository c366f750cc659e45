"""Segments and sealed blocks as records on disk, bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.durable.pack import pack, unpack
from longwatch.memory.kept import Kept, Origin
from longwatch.memory.sealed import Sealed
from longwatch.memory.segment import Segment
from longwatch.memory.table import Tokens

if TYPE_CHECKING:
    from torch import Tensor


def write_segment(segment: Segment) -> list[memoryview]:
    """Return a segment as bytes."""
    about = {"time": segment.time, "advance": segment.advance, "index": segment.index}
    about["thinned"] = segment.thinned
    tensors = [torch.stack(segment.keys), torch.stack(segment.values), segment.positions]
    if segment.kept is not None:
        about |= {"since": segment.kept.since, "frames": segment.kept.frames}
        tensors += [torch.stack(parts) for parts in zip(*segment.kept.origins, strict=True)]
        tensors.append(torch.stack(segment.kept.places))
    if segment.importance is not None:
        about["rated"] = True
        tensors.append(segment.importance)
    return pack(about, tensors)


def read_segment(body: memoryview, device: torch.device) -> Segment:
    """Return the segment, its keys and values on `device`."""
    about, tensors = unpack(body)
    keys, values, positions, *rest = tensors
    importance = rest.pop() if about.get("rated") else None
    return Segment(
        keys=keys.to(device).unbind(0),
        values=values.to(device).unbind(0),
        positions=positions,
        time=about["time"],
        advance=about["advance"],
        index=about["index"],
        thinned=about["thinned"],
        kept=_kept(about["since"], about["frames"], rest) if rest else None,
        importance=importance,
    )


def write_block(block: Sealed) -> list[memoryview]:
    """Return a sealed block as bytes; its id is the record's."""
    tokens = block.tokens
    columns = [tokens.frame, tokens.time, tokens.place, tokens.span]
    if not np.isnan(tokens.importance).all():
        columns.append(tokens.importance)
    return pack(
        {"rung": block.rung},
        [*map(torch.from_numpy, columns), block.rows, torch.stack(block.vectors)],
    )


def read_block(key: int, body: memoryview) -> Sealed:
    """Return the block with the id `key`, on the CPU."""
    about, (*columns, rows, vectors) = unpack(body)
    tokens = Tokens(*(column.numpy() for column in columns))  # importances are there if rated
    return Sealed(key, about["rung"], tokens, rows, vectors.unbind(0))


def _kept(since: float, frames: int, tensors: list[Tensor]) -> Kept:
    *origins, places = tensors
    layers = zip(*(column.unbind(0) for column in origins), strict=True)
    return Kept(since, frames, tuple(Origin(*layer) for layer in layers), places.unbind(0))
