"""ToMe's matching, against its definition in plain Python."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors.tome import ToMe, match
from tests.compressors.clips import Clip, make, run


def oracle(features: torch.Tensor, r: int) -> list[int]:
    """Return where each token goes: itself, or the token of B that it is merged into."""
    unit = torch.nn.functional.normalize(features.double(), dim=1)
    into = list(range(len(features)))
    pairs = []
    for a in into[0::2]:
        alike = {b: float(unit[a] @ unit[b]) for b in into[1::2]}
        if alike:
            best = max(alike, key=lambda b: alike[b])
            pairs.append((alike[best], a, best))
    for _, a, b in sorted(pairs, key=lambda p: -p[0])[: min(r, len(features) // 2)]:
        into[a] = b
    return into


@given(n=st.integers(2, 40), r=st.integers(1, 40), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_step_merges_the_pairs_of_the_definition(n: int, r: int, seed: int) -> None:
    features = torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))
    assert match(features, r).tolist() == oracle(features, r)


@given(
    rows=st.integers(1, 6), share=st.sampled_from([1 / 2, 1 / 4, 1 / 8]), seed=st.integers(0, 1000)
)
@settings(max_examples=30, deadline=None)
def test_repeated_steps_give_means_weighted_by_size(rows: int, share: float, seed: int) -> None:
    tokens = make(Clip(frames=1, grid=(rows, 5), seed=seed))[0]
    n = len(tokens)
    values, sizes, places = list(tokens.embeds.double()), [1] * n, list(range(n))
    while len(values) > max(1, int(share * n)):
        into = oracle(torch.stack(values), len(values) - max(1, int(share * n)))
        merged = []
        for b in range(len(values)):
            if into[b] == b:
                group = [i for i in range(len(values)) if into[i] == b]
                size = sum(sizes[i] for i in group)
                value = torch.stack([values[i] * sizes[i] for i in group]).sum(0) / size
                merged.append((value, size, places[b]))
        values, sizes, places = map(list, zip(*merged, strict=True))
    kept = run(ToMe(share), [tokens])[0]
    assert (kept.positions[1] * 5 + kept.positions[2]).tolist() == places
    torch.testing.assert_close(kept.embeds.double(), torch.stack(values), rtol=1e-4, atol=1e-5)


def test_a_share_is_met_exactly() -> None:
    for share, expected in [(1.0, 196), (0.5, 98), (0.25, 49), (1 / 16, 12)]:
        assert len(run(ToMe(share), make(Clip(frames=1, grid=(14, 14))))[0]) == expected


def test_twins_are_merged_before_strangers() -> None:
    tokens = make(Clip(frames=1, grid=(2, 2)))[0]
    tokens.embeds[1] = tokens.embeds[2]
    kept = run(ToMe(3 / 4), [tokens])[0]
    assert kept.positions[1:].T.tolist() == [[0, 0], [0, 1], [1, 1]]
    torch.testing.assert_close(kept.embeds, tokens.embeds[[0, 1, 3]])
