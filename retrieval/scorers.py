"""What a block is found by, as the published methods do it, and ours: settings only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch.nn.functional import normalize

from longwatch.errors import ConfigError, InputError
from longwatch.retrieval.scorer import FrameRanker, Reranker, Scorer, by_group

if TYPE_CHECKING:
    from torch import Tensor


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
class LastToken(FrameRanker):
    """Ours: what the last token of the question, from which the answer comes, asks of each token.

    Its query finds candidates by their mean keys; its product with each of their keys ranks their
    frames. On the question world it finds more of the frames that prove an answer than the mean
    over the question does, which its many plain words pull away from what is asked about.
    """

    widen: int = 8

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_widen(self.widen)

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return _mean_key(keys)

    def queries(self, query: Tensor, h: int) -> Tensor:  # noqa: D102
        return super().queries(query[:, -1:], h)

    def tokens(self, query: Tensor, keys: Tensor) -> Tensor:  # noqa: D102
        asked = by_group(query[:, -1:], len(keys))
        return (keys.float() @ asked.transpose(1, 2)).sum(0)[:, 0]


@dataclass(frozen=True)
class PeakAttention(FrameRanker):
    """Ours: the largest share of attention that any head and token of the question pays a token.

    Shares are of all candidates, without positions. The sum of the question's queries finds the
    candidates by their mean keys. A token that one head of one word of the question needs is as
    good as one that all of them look at a little, so near-duplicates of one moment do not fill up
    what is recalled: they share the attention of the same heads.
    """

    single: ClassVar[bool] = True
    widen: int = 4

    def __post_init__(self) -> None:
        """Check the settings."""
        _check_widen(self.widen)

    def vectors(self, keys: Tensor, saliency: Tensor | None = None) -> Tensor:  # noqa: D102
        return _mean_key(keys)

    def tokens(self, query: Tensor, keys: Tensor) -> Tensor:  # noqa: D102
        h, n, d = keys.shape
        rows = query.float().reshape(h, -1, d) * d**-0.5
        best = keys.new_zeros(n, dtype=torch.float32)
        for asked, here in zip(rows, keys, strict=True):
            best = torch.maximum(best, (asked @ here.float().T).softmax(-1).amax(0))
        return best


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
    "peak_attention": PeakAttention,
}
