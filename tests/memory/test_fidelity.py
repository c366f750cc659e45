"""Fidelities: what each keeps, what gives way first, and where recalled frames stand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from longwatch.errors import ConfigError
from longwatch.memory.codec import Codec
from longwatch.memory.fidelity import FIDELITIES, Codecs, fading, faithful, parse_fidelity
from longwatch.memory.longwatch import Level, Longwatch
from longwatch.memory.table import Tokens, placed
from tests.memory.parts import LAYERS, TOKEN, D, H, frame, question, read, seen

if TYPE_CHECKING:
    from longwatch.memory.memory import Memory

BLOCK = 8


def small(fidelity: str, **settings: object) -> Longwatch:
    """Return our policy at a fidelity, with blocks of two frames and hardly a window."""
    made = faithful(
        Longwatch(window_tokens=4, sinks=0, block_tokens=BLOCK), parse_fidelity(fidelity), Codecs()
    )
    return replace(made, **settings)  # type: ignore[arg-type]


def rated(count: int) -> list[object]:
    """Return frames with importances."""
    rng = np.random.default_rng(0)
    return [
        replace(frame(i), importance=torch.from_numpy(rng.random(4, np.float32)))
        for i in range(count)
    ]


def blocks(memory: Memory) -> list[int]:
    return [] if memory.archive is None else [count for count, _ in memory.archive.rungs()]


def nbytes(memory: Memory) -> int:
    return 0 if memory.archive is None else sum(size for _, size in memory.archive.rungs())


def test_small_is_the_policy_itself() -> None:
    policy = Longwatch(window_tokens=12)
    assert faithful(policy, "small", Codecs()) is policy


def test_an_unknown_fidelity_is_refused() -> None:
    assert [parse_fidelity(name) for name in FIDELITIES] == list(FIDELITIES)
    with pytest.raises(ConfigError, match="exact, high, small"):
        parse_fidelity("best")


def test_exact_keeps_every_number_of_fp16() -> None:
    frames = [frame(i) for i in range(9)]
    memory = read(small("exact"), frames)
    assert blocks(memory) != [0]
    for index, layer in enumerate(seen(memory.snapshot(), question())):
        assert layer.same(frames, index)


@pytest.mark.parametrize("fidelity", ["exact", "high"])
def test_without_a_bound_every_token_stays_and_comes_back_within_the_bound_of_its_codec(
    fidelity: str,
) -> None:
    frames = [frame(i) for i in range(9)]
    memory = read(small(fidelity, max_bytes=None), frames)
    for index, layer in enumerate(seen(memory.snapshot(), question())):
        keys = torch.cat([f.keys[index] for f in frames], 1)
        values = torch.cat([f.values[index] for f in frames], 1)
        for given, found in ((keys, layer.keys), (values, layer.values)):
            widest = float(given.amax() - given.amin())
            assert (given - found).abs().max() <= widest / 255 / 2 + 1e-3
        assert layer.positions[0] == list(range(4 * 9))


@pytest.mark.parametrize("many", [40, 120])
@pytest.mark.parametrize("share", [2, 4, 8, 16])
def test_bits_go_first_then_tokens_and_bytes_stay_within_the_bound(share: int, many: int) -> None:
    most = many * 4 * TOKEN // share
    policy = small("high", max_bytes=most)
    memory = read(policy, rated(many))  # type: ignore[arg-type]
    assert nbytes(memory) <= most
    assert memory.archive is not None
    sizes = [codec_bytes(level.codec) for level in policy.levels]
    assert sizes == sorted(sizes, reverse=True)
    view = memory.snapshot().view
    assert view is not None
    ids = view.in_time(np.flatnonzero(view.allowed()))
    tokens, _ = view.tokens(ids)
    assert all(a <= b for a, b in pairwise(tokens.time.tolist()))


def test_nothing_is_forgotten_while_levels_can_still_take_it() -> None:
    memory = read(small("high", max_bytes=40 * 4 * TOKEN // 4), rated(40))  # type: ignore[arg-type]
    view = memory.snapshot().view
    assert view is not None
    first = view.first_time
    assert first == 0.0


def test_shares_that_are_more_than_all_bytes_are_refused() -> None:
    with pytest.raises(ConfigError, match="more than all"):
        Longwatch(levels=(Level(Codec(), 0.6), Level(Codec(), 0.6)))


@pytest.mark.parametrize("held", [100, 400, 1000, 5000, 100_000])
def test_a_bounded_policy_divides_its_bytes(held: int) -> None:
    policy = faithful(Longwatch(), "high", Codecs()).sized(256).bounded(held * TOKEN, TOKEN)
    assert policy.window_tokens <= 256
    assert sum(level.share for level in policy.levels) == pytest.approx(1)
    assert policy.max_bytes is not None
    used = policy.max_bytes + (policy.window_tokens + policy.least_tokens) * TOKEN
    assert used <= held * TOKEN
    assert policy.levels[-1] == replace(fading(Codecs())[-1], share=policy.levels[-1].share)


@pytest.mark.parametrize("reach", [12, 13, 20, 40, 1000, None])
def test_recalled_frames_stand_apart_as_far_as_there_is_room(reach: int | None) -> None:
    frames = np.repeat(np.array([0, 1, 5, 20], np.int32), 3)
    place = np.tile(np.arange(3, dtype=np.int16), 4)[None]
    tokens = Tokens(frames, frames.astype(np.float64), place, np.full(12, 3, np.int16))
    at, span, _ = placed(tokens, None, 1 << 20, reach)
    assert torch.equal(at[0].sort().values, at[0])
    if reach is None or reach >= 63:
        assert at[0].tolist() == [
            3 * int(f) + int(p) for f, p in zip(frames, place[0], strict=True)
        ]
    else:
        assert int(span) <= max(reach, 12)
    assert int(span) == int(at.max()) + 1


def codec_bytes(codec: Codec) -> int:
    return LAYERS * codec.row_bytes(H, D, BLOCK)
