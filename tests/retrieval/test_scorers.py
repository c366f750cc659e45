"""Every scorer against its paper's formula, written as loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import cosine_similarity

from longwatch.errors import ConfigError, InputError
from longwatch.retrieval import Flat
from longwatch.retrieval.scorer import Reranker, Scorer, by_group, by_head, reorder
from longwatch.retrieval.scorers import (
    SCORERS,
    AttentionMass,
    LastToken,
    MaxSim,
    MeanCosine,
    MeanDot,
    PageMean,
    PeakAttention,
    Representatives,
)

if TYPE_CHECKING:
    from torch import Tensor

H, HEADS, D, BLOCKS, TOKENS, ASKED = 2, 6, 4, 12, 21, 5
every = pytest.mark.parametrize("scorer", [make() for make in SCORERS.values()], ids=repr)
rerankers = pytest.mark.parametrize("scorer", [MaxSim(), AttentionMass()], ids=repr)


@pytest.fixture
def keys() -> Tensor:
    return torch.randn(BLOCKS, H, TOKENS, D, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def query() -> Tensor:
    return torch.randn(HEADS, ASKED, D, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def saliency() -> Tensor:
    return torch.rand(BLOCKS, TOKENS, generator=torch.Generator().manual_seed(2))


def scores(scorer: Scorer, keys: Tensor, query: Tensor, saliency: Tensor | None = None) -> Tensor:
    """Score every block through an index, (b,)."""
    index = Flat(H * D)
    for i, block in enumerate(keys):
        index.add([i], scorer.vectors(block, None if saliency is None else saliency[i])[None])
    hits = index.search(scorer.queries(query, H), len(keys))
    return torch.tensor([score for _, score in sorted(zip(*hits, strict=True))])


@every
@pytest.mark.parametrize("n", [1, 3, 40])
def test_vectors_and_queries_are_as_wide_as_the_heads_side_by_side(scorer: Scorer, n: int) -> None:
    vectors = scorer.vectors(torch.randn(H, n, D).half(), torch.rand(n))
    queries = scorer.queries(torch.randn(HEADS, n, D).half(), H)
    for rows in (vectors, queries):
        assert rows.shape[1:] == (H * D,)
        assert rows.dtype == torch.float32
        assert len(rows) >= 1


@every
def test_heads_that_cannot_be_shared_out_and_empty_blocks_are_refused(scorer: Scorer) -> None:
    with pytest.raises(InputError, match="shared"):
        scorer.queries(torch.randn(5, 2, D), H)
    with pytest.raises(InputError):
        scorer.vectors(torch.randn(H, 0, D), torch.rand(0))


def test_mean_dot_ranks_as_rekv_that_repeats_keys_for_each_query_head(
    keys: Tensor, query: Tensor
) -> None:
    group = HEADS // H
    repeated = keys.repeat_interleave(group, 1).mean(2).flatten(1)  # (b, heads * d)
    expected = repeated @ query.mean(1).flatten()
    torch.testing.assert_close(group * scores(MeanDot(), keys, query), expected)


def test_mean_cosine_is_the_cosine_of_streamingtom(keys: Tensor, query: Tensor) -> None:
    asked = query.unflatten(0, (H, -1)).mean((1, 2)).flatten()
    expected = cosine_similarity(keys.mean(2).flatten(1), asked[None])
    torch.testing.assert_close(scores(MeanCosine(), keys, query), expected)


def test_the_best_page_counts(keys: Tensor, query: Tensor) -> None:
    asked = query.unflatten(0, (H, -1)).mean((1, 2)).flatten()
    pages = [keys[:, :, a : a + 16].mean(2).flatten(1) @ asked for a in (0, 16)]
    torch.testing.assert_close(scores(PageMean(), keys, query), torch.maximum(*pages))


def test_a_page_as_long_as_the_block_is_its_mean(keys: Tensor, query: Tensor) -> None:
    assert torch.equal(scores(PageMean(TOKENS), keys, query), scores(MeanDot(), keys, query))


@pytest.mark.parametrize("pooled", [True, False])
def test_representatives_are_the_most_salient_tokens(
    pooled: bool, keys: Tensor, query: Tensor, saliency: Tensor
) -> None:
    asked = by_group(query, H).mean(1)
    expected = []
    for block, salient in zip(keys, saliency, strict=True):
        best = sorted(range(TOKENS), key=lambda t: -float(salient[t]))[:4]
        products = [float((asked * block[:, t]).sum()) for t in best]
        expected.append(sum(products) / 4 if pooled else max(products))
    found = scores(Representatives(4, pooled), keys, query, saliency)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_as_many_representatives_as_tokens_are_the_mean_key(
    keys: Tensor, query: Tensor, saliency: Tensor
) -> None:
    found = scores(Representatives(99), keys, query, saliency)
    assert torch.equal(found, scores(MeanDot(), keys, query))


def test_representatives_need_a_saliency_and_say_so() -> None:
    assert [name for name, scorer in SCORERS.items() if scorer.salient] == ["representatives"]
    for saliency in (None, torch.rand(4)):
        with pytest.raises(InputError, match="saliency"):
            Representatives().vectors(torch.randn(H, 3, D), saliency)


def test_max_sim_sums_the_best_key_of_each_question_token(keys: Tensor, query: Tensor) -> None:
    lengths = torch.arange(BLOCKS) + 1
    asked = by_group(query, H)
    expected = [
        sum(
            max(float((asked[:, n] * block[:, t]).sum()) for t in range(length))
            for n in range(ASKED)
        )
        for block, length in zip(keys, lengths.tolist(), strict=True)
    ]
    found = MaxSim().rerank(query, keys, lengths)
    torch.testing.assert_close(found, torch.tensor(expected))


def test_max_sim_of_one_token_and_one_key_is_the_plain_product(keys: Tensor, query: Tensor) -> None:
    ones = torch.ones(BLOCKS, dtype=torch.int64)
    found = MaxSim().rerank(query[:, :1], keys[:, :, :1], ones)
    torch.testing.assert_close(found, scores(MeanDot(), keys[:, :, :1], query[:, :1]))


def test_attention_mass_is_attention_over_the_candidates_side_by_side(
    keys: Tensor, query: Tensor
) -> None:
    lengths = torch.arange(BLOCKS) + 1
    expected = torch.zeros(BLOCKS)
    for head in range(H):
        side = torch.cat([block[head, :n] for block, n in zip(keys, lengths, strict=True)])
        owner = torch.arange(BLOCKS).repeat_interleave(lengths)
        for asked in by_group(query, H)[head]:
            expected.index_add_(0, owner, torch.softmax(side @ asked / D**0.5, 0))
    found = AttentionMass().rerank(query, keys, lengths)
    torch.testing.assert_close(found, expected)
    assert float(found.sum()) == pytest.approx(H * ASKED)


@rerankers
def test_padding_and_the_order_of_candidates_change_nothing(
    scorer: Reranker, keys: Tensor, query: Tensor
) -> None:
    lengths = torch.arange(BLOCKS) % TOKENS + 1
    junk = keys.clone()
    for block, n in zip(junk, lengths.tolist(), strict=True):
        block[:, n:] = 1e4
    plain = scorer.rerank(query, keys, lengths)
    torch.testing.assert_close(scorer.rerank(query, junk, lengths), plain)
    flipped = scorer.rerank(query, keys.flip(0), lengths.flip(0)).flip(0)
    torch.testing.assert_close(flipped, plain)


def test_vectors_of_an_index_can_be_reranked(keys: Tensor, query: Tensor) -> None:
    scorer, index = AttentionMass(), Flat(H * D)
    index.add(range(BLOCKS), torch.stack([scorer.vectors(block) for block in keys]))
    hits = index.search(scorer.queries(query, H), scorer.widen)
    vectors, lengths = index.vectors(hits.ids)
    found = by_head(vectors, H)
    torch.testing.assert_close(found, keys[list(hits.ids)].mean(2, keepdim=True))
    again = reorder(hits.ids, scorer.rerank(query, found, lengths), 3)
    assert set(again.ids) <= set(hits.ids)
    assert again.scores == tuple(sorted(again.scores, reverse=True))


def test_the_last_token_scores_each_token_by_the_mean_of_its_heads(
    keys: Tensor, query: Tensor
) -> None:
    asked = by_group(query, H)[:, -1]
    expected = [sum(float(asked[h] @ keys[0, h, t]) for h in range(H)) for t in range(TOKENS)]
    found = LastToken().tokens(query, keys[0])
    torch.testing.assert_close(found, torch.tensor(expected))


def test_reordering_breaks_ties_by_the_smaller_id() -> None:
    found = reorder([7, 3, 9, 1], torch.tensor([1.0, 2.0, 2.0, 1.0]), 3)
    assert found == ((3, 9, 1), (2.0, 2.0, 1.0))


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (PageMean, "page"),
        (Representatives, "count"),
        (MaxSim, "widen"),
        (AttentionMass, "widen"),
        (LastToken, "widen"),
    ],
)
def test_settings_are_checked(make: Any, setting: str) -> None:
    with pytest.raises(ConfigError):
        make(**{setting: 0})


def test_peak_attention_is_the_largest_share_of_any_head_and_token(
    keys: Tensor, query: Tensor
) -> None:
    flat = keys.transpose(0, 1).flatten(1, 2)  # (h, n, d)
    expected = torch.zeros(flat.shape[1])
    for head in range(HEADS):
        for asked in query[head]:
            scores = torch.stack([asked @ key for key in flat[head // (HEADS // H)]]) * D**-0.5
            expected = torch.maximum(expected, scores.softmax(0))
    assert torch.allclose(PeakAttention().tokens(query, flat), expected, atol=1e-6)
