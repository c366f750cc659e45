"""Sealed blocks on their way into an archive's parts, many at once, and out again."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.sealed import Sealed
from longwatch.memory.table import tokens_of
from longwatch.retrieval import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from longwatch.memory.arena import Arena
    from longwatch.memory.sealed import Shape
    from longwatch.memory.table import Table
    from longwatch.retrieval import Retriever

BATCH = 256  # blocks


def batches(blocks: Iterable[Sealed]) -> Iterator[list[Sealed]]:
    """Yield the blocks in lists, in their order."""
    rest = iter(blocks)
    while some := list(islice(rest, BATCH)):
        yield some


def shelve(
    blocks: Sequence[Sealed], arenas: Sequence[Arena], table: Table, index: Sequence[Retriever]
) -> None:
    """Store blocks, by rising id: their rows, what is known of them, and what finds them."""
    slots: dict[int, int] = {}
    for rung in {block.rung for block in blocks}:
        here = [block for block in blocks if block.rung == rung]
        found = arenas[rung].put(torch.stack([block.rows for block in here], 1))
        slots |= {block.id: slot for block, slot in zip(here, found.tolist(), strict=True)}
    for block in blocks:
        table.skip(block.id)
        table.add(block.rung, slots[block.id], block.tokens)
    for _, alike in groupby(blocks, lambda block: block.vectors[0].shape[0]):
        some = list(alike)
        ids = [block.id for block in some]
        for layer, each in enumerate(index):
            each.add(ids, torch.stack([block.vectors[layer] for block in some]))


def unshelve(
    block: int, arenas: Sequence[Arena], table: Table, index: Sequence[Retriever], shape: Shape
) -> Sealed:
    """Return a block as it was stored, with a zero where the index does not use the vectors."""
    at = np.array([block - table.base])
    rung, slot = int(table.rows.rung[at[0]]), torch.from_numpy(table.rows.slot[at])
    rows = arenas[rung].read(slot)[:, 0]
    none = torch.zeros(1, shape.heads * shape.width)
    vectors = tuple(
        each.vectors([block])[0][0] if isinstance(each, VectorIndex) else none for each in index
    )
    return Sealed(block, rung, tokens_of(table.rows, at)[0], rows, vectors)
