"""The interface of scorers: keys as vectors of an index, a question as queries to it.

Keys and queries are un-rotated, and the key-value heads of one layer are laid side by side,
w = h * d. Question heads that share a key-value head are averaged: a mean over them ranks blocks as
repeating the key for each of them does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from longwatch.errors import InputError
from longwatch.retrieval.base import Hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Scorer(ABC):
    """Turns keys into the vectors of a block, and a question into the queries of a search."""

    salient: ClassVar[bool] = False  # whether `vectors` needs the saliency

    @abstractmethod
    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:
        """Return a block's vectors, (K, w) fp32, of its `keys`, (h, n, d), with n >= 1.

        `saliency`, (n,) floats, says how much attention each token received.
        """

    def queries(self, query: Tensor, h: int) -> Tensor:
        """Return the queries, (q, w) fp32, of a question's `query`, (heads, n, d).

        Here that is one, the mean over the question's tokens.
        """
        return by_group(query, h).mean(1).reshape(1, -1)


class Reranker(Scorer):
    """A scorer that looks a second time at more candidates than are wanted."""

    sees: ClassVar[Literal["vectors", "tokens"]]  # whether `rerank` gets index vectors or all keys
    widen: int  # candidates a wanted block; at least 1

    @abstractmethod
    def rerank(self, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:
        """Return a new score of each of c >= 1 candidates, (c,) fp32.

        `query` is (heads, n, d) and `keys` (c, h, T, d), of which those at and past a candidate's
        `lengths`, (c,) int64 from 1 to T, are padding: finite, and without influence.
        """


class FrameRanker(Scorer):
    """A scorer that looks into more blocks than are wanted, and takes their best frames alone.

    What is needed is often a frame or two, which a whole block brings many others with.
    """

    single: ClassVar[bool] = False  # whether the best tokens are recalled, of any frame
    widen: int  # candidates a wanted block; at least 1

    @abstractmethod
    def tokens(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return a score of each token, (n,) fp32; a frame is as good as its best one.

        `query` is (heads, m, d), of a question's m tokens, and `keys` (h, n, d).
        """


def by_group(query: Tensor, h: int) -> Tensor:
    """Return the mean query of each key-value head, (h, n, d) fp32, of `query`, (heads, n, d)."""
    if query.shape[0] % h or not query.shape[1]:
        raise InputError(
            f"a query of shape {tuple(query.shape)} has no token, or its heads cannot be shared "
            f"out evenly over {h} key-value heads"
        )
    grouped: Tensor = query.float().unflatten(0, (h, -1))
    return grouped.mean(1)


def by_head(vectors: Tensor, h: int) -> Tensor:
    """Return `vectors`, (c, K, w), as the keys that `rerank` takes, (c, h, K, d)."""
    split: Tensor = vectors.unflatten(2, (h, -1))
    return split.transpose(1, 2)


def reorder(ids: Sequence[int], scores: Tensor, k: int) -> Hits:
    """Return the best `k` of `ids` by `scores`, (c,), ties by the smaller id."""
    best = sorted(zip(ids, scores.tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))[:k]
    return Hits(tuple(i for i, _ in best), tuple(score for _, score in best))
