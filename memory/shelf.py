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

    from longwatch.memory.sealed import Shape
    from longwatch.memory.table import Table
    from longwatch.memory.tier import Tier
    from longwatch.retrieval import Retriever


def batches(blocks: Iterable[Sealed], most: int) -> Iterator[list[Sealed]]:
    """Yield the blocks in lists of at most `most`, in their order."""
    rest = iter(blocks)
    while some := list(islice(rest, most)):
        yield some


def shelve(blocks: Sequence[Sealed], tier: Tier, table: Table, index: Sequence[Retriever]) -> None:
    """Store blocks, by rising id: their rows, what is known of them, and what finds them."""
    for rung in {block.rung for block in blocks}:
        here = [block for block in blocks if block.rung == rung]
        tier.put(rung, [block.id for block in here], torch.stack([b.rows for b in here], 1))
    for block in blocks:
        table.skip(block.id)
        table.add(block.rung, block.tokens)
    for _, alike in groupby(blocks, lambda block: block.vectors[0].shape[0]):
        some = list(alike)
        ids = [block.id for block in some]
        for layer, each in enumerate(index):
            each.add(ids, torch.stack([block.vectors[layer] for block in some]))


def unshelve(
    block: int, tier: Tier, table: Table, index: Sequence[Retriever], shape: Shape
) -> Sealed:
    """Return a block as it was stored, with a zero where the index does not use the vectors."""
    at = np.array([block - table.base])
    rung, slot = int(table.rows.rung[at[0]]), torch.from_numpy(tier.slots(at + table.base))
    rows = tier.arenas[rung].read(slot)[:, 0]
    none = torch.zeros(1, shape.heads * shape.width)
    vectors = tuple(
        each.vectors([block])[0][0] if isinstance(each, VectorIndex) else none for each in index
    )
    return Sealed(block, rung, tokens_of(table.rows, at)[0], rows, vectors)
