"""Longwatch's own compressor, against loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.compressors.longwatch import Longwatch
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run, tokens_of

quick = settings(max_examples=20, deadline=None)
GRID = (2, 3)


def places(kept: list[list[int]]) -> list[list[int]]:
    return [sorted(frame) for frame in kept]


def slowly(frames: list[np.ndarray], k: int, novelty: float, fade: float) -> list[list[int]]:
    """Choose as the method's text says, a token at a time, by taking off what is told already."""
    references: dict[int, np.ndarray] = {}
    chosen = []
    for x in frames:
        beyond = x - x.mean(0)
        ways = beyond / np.linalg.norm(beyond, axis=1, keepdims=True)
        left = np.stack(
            [
                row * (1 - novelty * max(0.0, float(way @ references.get(i, 0 * way))))
                for i, (row, way) in enumerate(zip(beyond, ways, strict=True))
            ]
        )
        now: list[int] = []
        for _ in range(k):
            sizes = [-1.0 if i in now else float(row @ row) for i, row in enumerate(left)]
            now.append(int(np.argmax(sizes)))
            way = left[now[-1]] / np.linalg.norm(left[now[-1]])
            left = left - np.outer(left @ way, way)
        references = {i: fade * r for i, r in references.items()} | {i: ways[i] for i in now}
        chosen.append(now)
    return chosen


@given(
    seed=st.integers(0, 1000),
    k=st.integers(1, 4),
    novelty=st.sampled_from([0.0, 0.5, 0.8]),
    fade=st.sampled_from([0.0, 0.7, 1.0]),
)
@quick
def test_it_chooses_what_the_slow_loop_chooses(
    seed: int, k: int, novelty: float, fade: float
) -> None:
    clip = make(Clip(frames=5, grid=GRID, width=16, seed=seed))
    method = Longwatch(keep=k / 6, least=1, novelty=novelty, fade=fade)
    cells = [f.positions[1] * GRID[1] + f.positions[2] for f in run(method, clip)]
    wide = [tokens.embeds.double().numpy() for tokens in clip]
    assert [c.tolist() for c in cells] == places(slowly(wide, k, novelty, fade))


def test_what_stays_gives_way_to_what_is_new() -> None:
    """At one token a frame: first the strongest, then what came since, although it is weaker."""
    still = torch.zeros(6, 8)
    still[0, 0] = 2
    more = still.clone()
    more[4, 3] = 1
    kept = run(Longwatch(keep=1 / 6, least=1), [tokens_of(x, GRID) for x in (still, more)])
    assert [k.positions[1:, 0].tolist() for k in kept] == [[0, 0], [1, 1]]


def test_what_stays_is_told_again() -> None:
    x = torch.zeros(6, 8)
    x[0, 0], x[4, 3] = 2, 1
    kept = run(Longwatch(keep=1 / 6, least=1), [tokens_of(x, GRID)] * 12)
    told = [k.positions[1:, 0].tolist() for k in kept]
    assert told.count([0, 0]) > 2
    assert told.count([1, 1]) > 2


def test_a_drift_adds_up_until_it_is_told() -> None:
    """Each frame is nearly the one before, but not what was kept."""
    told = []
    method, state = Longwatch(keep=1 / 6, least=1, fade=1.0, novelty=1.0), None
    for t in range(40):
        x = torch.zeros(6, 8)
        angle = torch.tensor(t * 0.05)
        x[0, 0] = 2.0
        x[4, 1], x[4, 2] = angle.cos(), angle.sin()
        out, state = method.compress(tokens_of(x, GRID), state)
        told.append(out.positions[1:, 0].tolist())
    assert told[:2] == [[0, 0], [1, 1]]
    assert [1, 1] in told[10:]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_joins_what_it_is_most_like(seed: int) -> None:
    tokens = make(Clip(grid=GRID, width=16, seed=seed))[0]
    told = Longwatch(keep=2 / 6, least=1, own=0.75).compress(tokens, None)[0]
    centres = (told.positions[1] * GRID[1] + told.positions[2]).tolist()
    beyond = tokens.embeds - tokens.embeds.mean(0)
    ways = beyond / beyond.norm(dim=1, keepdim=True)
    joined: dict[int, list[int]] = {centre: [] for centre in centres}
    for i in set(range(6)) - set(centres):
        joined[max(centres, key=lambda centre: float(ways[i] @ ways[centre]))].append(i)
    for row, centre in zip(told.embeds, centres, strict=True):
        expected = own = tokens.embeds[centre]
        if joined[centre]:
            expected = 0.75 * own + 0.25 * tokens.embeds[joined[centre]].mean(0)
        torch.testing.assert_close(row, expected)


def test_without_merging_tokens_stay_bit_by_bit() -> None:
    for before, kept in zip(
        make(Clip(frames=3)), run(Longwatch(own=1.0, least=1), make(Clip(frames=3))), strict=True
    ):
        index = kept.positions[1] * 3 + kept.positions[2]
        assert torch.equal(kept.embeds, before.embeds[index])


@pytest.mark.parametrize("name", ["novelty", "fade", "own"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_setting_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        replace(Longwatch(), **{name: value})  # type: ignore[arg-type]


def test_a_frame_cannot_be_left_without_a_token() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        Longwatch(least=0)


@given(rows=st.integers(1, 6), columns=st.integers(1, 6), share=st.floats(0.01, 1.0))
@quick
def test_few_tokens_are_left_alone_unless_a_share_was_asked_for(
    rows: int, columns: int, share: float
) -> None:
    tokens = make(Clip(grid=(rows, columns)))[0]
    n, default = len(tokens), Longwatch()
    kept = default.compress(tokens, default.new_state())[0]
    assert len(kept) == max(min(n, 16), n // 4)
    if n <= 16:
        assert torch.equal(kept.embeds, tokens.embeds)
    asked = default.at(share)
    assert len(asked.compress(tokens, asked.new_state())[0]) <= max(1, share * n + 1e-6)
