"""Exact search on the device of the vectors: the oracle of every other index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from longwatch.errors import InputError
from longwatch.retrieval.base import Retriever

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Flat(Retriever):
    """Compares a query with every vector by inner product."""

    def __init__(self, width: int) -> None:
        self._ids: list[int] = []
        self._vectors = torch.empty(0, width)

    def add(self, ids: Sequence[int], vectors: Tensor) -> None:  # noqa: D102
        if vectors.shape != (len(ids), self._vectors.shape[1]):
            raise InputError(
                f"{len(ids)} ids need vectors of shape ({len(ids)}, {self._vectors.shape[1]}), "
                f"not {tuple(vectors.shape)}"
            )
        if len(set(ids)) < len(ids) or not set(ids).isdisjoint(self._ids):
            raise InputError("an id is indexed already; remove it before adding it again")
        self._vectors = torch.cat([self._vectors.to(vectors.device), vectors.float()])
        self._ids.extend(ids)

    def remove(self, ids: Sequence[int]) -> None:  # noqa: D102
        gone = set(ids)
        if missing := gone.difference(self._ids):
            raise KeyError(min(missing))
        keep = [i for i, known in enumerate(self._ids) if known not in gone]
        self._vectors = self._vectors[keep]
        self._ids = [self._ids[i] for i in keep]

    def search(self, query: Tensor, k: int) -> list[int]:  # noqa: D102
        scores = (self._vectors @ query.float()).tolist()
        best = sorted(zip(scores, self._ids, strict=True), key=lambda hit: (-hit[0], hit[1]))
        return [i for _, i in best[:k]]

    def __len__(self) -> int:
        return len(self._ids)
