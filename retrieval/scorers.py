"""What a block is found by: its keys as vectors of an index, a question as queries to it.

A scorer is settings only. Keys and queries are un-rotated, and the key-value heads of one layer
are laid side by side, w = h * d. Question heads that share a key-value head are averaged: a mean
over them ranks blocks as repeating the key for each of them does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch.nn.functional import normalize

from longwatch.errors import ConfigError, InputError
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


@dataclass(frozen=True)
class MeanDot(Scorer):
    """ReKV (arXiv 2503.00540): inner product of the mean key and the mean query.

    The paper says cosine; its code does not normalise, and this follows the code.
    """

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return _mean_key(keys)


@dataclass(frozen=True)
class MeanCosine(Scorer):
    """StreamingTOM (arXiv 2510.18269): cosine of the mean key and the mean query."""

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return normalize(_mean_key(keys))

    def queries(self, query: Tensor, h: int) -> Tensor:  # noqa: D102
        return normalize(super().queries(query, h))


@dataclass(frozen=True)
class PageMean(Scorer):
    """LiveVLM's PaR (arXiv 2505.15269): the mean key of each page; the best page counts."""

    page: int = 16  # tokens; the last page of a block may be shorter

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.page < 1:
            raise ConfigError(f"a page must have at least 1 token, not {self.page}")

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return torch.cat([_mean_key(page) for page in keys.split(self.page, 1)])


@dataclass(frozen=True)
class Representatives(Scorer):
    """InfLLM (arXiv 2402.04617): a block is found by the keys of its most salient tokens.

    The paper sums the products with all of them, which is `pooled`: one vector, their mean.
    Otherwise each is a vector of its own and the best counts. One choice serves all heads.
    """

    salient: ClassVar[bool] = True
    count: int = 4
    pooled: bool = True

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.count < 1:
            raise ConfigError(f"a block needs at least 1 representative, not {self.count}")

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        if saliency is None or saliency.shape != keys.shape[1:2]:
            raise InputError(
                "representative tokens are chosen by saliency; give the attention that each of "
                f"the block's {keys.shape[1]} tokens received"
            )
        order = saliency.argsort(descending=True, stable=True)[: self.count]
        chosen = keys[:, order.sort().values]
        return _mean_key(chosen) if self.pooled else chosen.float().transpose(0, 1).flatten(1)


@dataclass(frozen=True)
class MaxSim(Reranker):
    """WeaveTime (CVPR 2026): a mean key finds 3k candidates, late interaction ranks them.

    The score is the sum over the question's tokens of the best product with a key of the block.
    """

    sees: ClassVar[Literal["vectors", "tokens"]] = "tokens"
    widen: int = 3

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_widen(self.widen)

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return _mean_key(keys)

    def rerank(self, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        asked = by_group(query, keys.shape[1])
        # Summed over heads afterwards: an einsum over both axes would copy all keys first.
        products = (keys.float() @ asked.transpose(1, 2)).sum(1)  # (c, T, n)
        return products.masked_fill(_padding(keys, lengths)[..., None], -torch.inf).amax(1).sum(1)


@dataclass(frozen=True)
class AttentionMass(Reranker):
    """Ours: the attention that the question would pay to a block if candidates were all there is.

    For each key-value head and question token a softmax over the vectors of all candidates, then
    the sum of a block's shares: no head and no token outweighs another by the length of its query.
    """

    sees: ClassVar[Literal["vectors", "tokens"]] = "vectors"
    widen: int = 8

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_widen(self.widen)

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return _mean_key(keys)

    def rerank(self, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        asked = by_group(query, keys.shape[1]) * keys.shape[3] ** -0.5
        logits = torch.einsum("hnd,chtd->hnct", asked, keys.float())
        logits = logits.masked_fill(_padding(keys, lengths), -torch.inf)
        return logits.flatten(2).softmax(2).view_as(logits).sum((0, 1, 3))


@dataclass(frozen=True)
class LastToken(Reranker):
    """Ours: what the last token of the question, from which the answer comes, asks of each token.

    Its query finds candidates by their mean keys; the best product with a key of the block ranks
    them. On the question world it finds more of the frames that prove an answer than the mean over
    the question does, which its many plain words pull away from what is asked about.
    """

    sees: ClassVar[Literal["vectors", "tokens"]] = "tokens"
    widen: int = 4

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_widen(self.widen)

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return _mean_key(keys)

    def queries(self, query: Tensor, h: int) -> Tensor:  # noqa: D102
        return super().queries(query[:, -1:], h)

    def rerank(self, query: Tensor, keys: Tensor, lengths: Tensor) -> Tensor:  # noqa: D102
        asked = by_group(query[:, -1:], keys.shape[1])
        products = (keys.float() @ asked.transpose(1, 2)).sum(1)[..., 0]  # (c, T)
        return products.masked_fill(_padding(keys, lengths), -torch.inf).amax(1)


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


def _mean_key(keys: Tensor) -> Tensor:
    if not keys.shape[1]:
        raise InputError("a block without tokens cannot be found; leave it out")
    return keys.float().mean(1).reshape(1, -1)


def _padding(keys: Tensor, lengths: Tensor) -> Tensor:
    """Return which of `keys` are padding, (c, T) bool."""
    return torch.arange(keys.shape[2], device=keys.device) >= lengths.to(keys.device)[:, None]


def _check_widen(widen: int) -> None:
    if widen < 1:
        raise ConfigError(f"at least 1 candidate a wanted block must be looked at, not {widen}")


SCORERS: dict[str, type[Scorer]] = {
    "mean_dot": MeanDot,
    "mean_cosine": MeanCosine,
    "page_mean": PageMean,
    "representatives": Representatives,
    "max_sim": MaxSim,
    "attention_mass": AttentionMass,
    "last_token": LastToken,
}
