"""The oracle's own promises; the laws say the rest."""

from __future__ import annotations

import torch

from longwatch.retrieval.flat import Flat


def test_equal_vectors_score_the_same_wherever_they_lie() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(1000, 1, 100, generator=generator)
    vectors[::7] = vectors[0]
    index = Flat(100)
    index.add(range(1000), vectors)
    hits = index.search(vectors[0], 143)
    assert hits.ids == tuple(range(0, 1000, 7))
    assert len(set(hits.scores)) == 1


def test_vectors_of_lower_precision_are_scored_as_what_they_are() -> None:
    index = Flat(2)
    index.add([0], torch.tensor([[[0.1, 0.2]]], dtype=torch.bfloat16))
    (score,) = index.search(torch.ones(1, 2, dtype=torch.bfloat16), 1).scores
    assert score == float(torch.tensor([0.1, 0.2]).bfloat16().float().sum())
