"""Exact search on the device of the vectors: the oracle of every other index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from longwatch.retrieval.base import NONE, Hits, VectorIndex, check_search, check_vectors, pad
from longwatch.retrieval.owners import Owners, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Flat(VectorIndex):
    """Compares the queries with every vector, plainly.

    Scores are summed in fp64 and rounded to fp32, so that equal vectors score the same wherever
    they lie; a copy of all the vectors in fp64 is the price of each search.
    """

    def __init__(self, width: int) -> None:
        self._owners = Owners()
        self._rows = torch.empty(0, width)  # grows by doubling, on the device of what is added

    def add(self, ids: Sequence[int], vectors: Tensor) -> None:  # noqa: D102
        check_vectors(ids, vectors, self._rows.shape[1])
        start = self._owners.rows
        self._owners.append(ids, vectors.shape[1])
        end = self._owners.rows
        if end > len(self._rows):
            grown = vectors.new_empty(max(end, 2 * start), vectors.shape[2], dtype=torch.float32)
            grown[:start] = self._rows[:start]
            self._rows = grown
        self._rows[start:end] = vectors.flatten(0, 1)

    def remove(self, ids: Sequence[int]) -> None:  # noqa: D102
        self._owners.bury(ids)
        rows = self._owners.rows
        kept = torch.from_numpy(self._owners.compact()).to(self._rows.device)
        self._rows = self._rows[:rows][kept]

    def search(  # noqa: D102
        self, queries: Tensor, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> Hits:
        check_search(queries, k, self._rows.shape[1])
        mask = self._owners.shown(allowed)
        if not mask.any():
            return NONE
        shown = torch.from_numpy(mask)
        owners = torch.from_numpy(self._owners.ids)[shown]
        ids, block = owners.unique_consecutive(return_inverse=True)
        rows = self._rows[: len(mask)][shown.to(self._rows.device)].double()
        products = (queries.to(rows) @ rows.T).cpu()  # (q, r)
        best = products.new_empty(len(queries), len(ids))
        best.scatter_reduce_(1, block.expand_as(products), products, "amax", include_self=False)
        scores, order = best.sum(0).float().sort(descending=True, stable=True)
        return Hits(tuple(ids[order[:k]].tolist()), tuple(scores[:k].tolist()))

    def vectors(self, ids: Sequence[int]) -> tuple[Tensor, Tensor]:  # noqa: D102
        first, count = self._owners.find(ids)
        rows = self._rows[torch.from_numpy(spread(first, count)).to(self._rows.device)]
        return pad(rows, torch.from_numpy(count))

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def nbytes(self) -> int:  # noqa: D102
        return self._rows.nbytes + self._owners.nbytes
