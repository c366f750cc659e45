"""Several contexts in one pass of the model: each token sees its own context and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from longwatch.memory.base import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.base import Rotary
    from longwatch.memory.context import Context


class Pack(Step):
    """The new tokens of several contexts, one context's after another's, without padding.

    All that the model does to tokens one by one, its matrices above all, it does to all of them
    at once. A context gets what it would get alone, but for the order in which floating-point
    sums are taken. The contexts belong to one model, and none of them is here twice.
    """

    def __init__(self, contexts: Sequence[Context], sizes: Sequence[int]) -> None:
        """Take contexts and how many new tokens each of them has in this pass."""
        if not contexts or len(contexts) != len(sizes):
            raise ValueError(f"{len(contexts)} contexts cannot have {len(sizes)} numbers of tokens")
        self._contexts = tuple(contexts)
        self._sizes = list(sizes)
        self._rope = contexts[0].rope
        self._rotary: tuple[Tensor, Rotary] | None = None  # of the layer before

    def begin(self, positions: Tensor) -> None:
        """Announce a pass to every context; each one's positions count from its own origin."""
        for context, at in zip(self._contexts, positions.split(self._sizes, 1), strict=True):
            context.begin(at)

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        parts = self._parts(query, key)
        rotary = self._table(torch.cat([c.places(layer, q, k) for c, q, k in parts], 1))
        query, key = self._rope.rotate(query, rotary), self._rope.rotate(key, rotary)
        values = value.split(self._sizes, 1)
        return torch.cat(
            [
                context.look(layer, q, k, v, scale)
                for (context, q, k), v in zip(self._parts(query, key), values, strict=True)
            ],
            1,
        )

    def _parts(self, query: Tensor, key: Tensor) -> list[tuple[Context, Tensor, Tensor]]:
        sizes = self._sizes
        return list(zip(self._contexts, query.split(sizes, 1), key.split(sizes, 1), strict=True))

    def _table(self, at: Tensor) -> Rotary:
        if self._rotary is None or not torch.equal(self._rotary[0], at):
            self._rotary = at, self._rope.table(at)
        return self._rotary[1]
