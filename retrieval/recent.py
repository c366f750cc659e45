"""The newest blocks, whatever was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from longwatch.retrieval.base import Hits, Retriever, check_search, check_vectors
from longwatch.retrieval.owners import Owners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


class Recent(Retriever):
    """A baseline that ignores the query: a block's score is its id."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._owners = Owners()

    def add(self, ids: Sequence[int], vectors: Tensor) -> None:  # noqa: D102
        check_vectors(ids, vectors, self._width)
        self._owners.append(ids, 1)

    def remove(self, ids: Sequence[int]) -> None:  # noqa: D102
        self._owners.bury(ids)
        self._owners.compact()

    def search(  # noqa: D102
        self, queries: Tensor, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> Hits:
        check_search(queries, k, self._width)
        newest = np.flip(self._owners.ids[self._owners.shown(allowed)])[:k]
        return Hits(tuple(newest.tolist()), tuple(newest.astype(np.float64).tolist()))

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def nbytes(self) -> int:  # noqa: D102
        return self._owners.nbytes
