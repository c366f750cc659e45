"""What each layer of an answer recalls, against slow loops over everything that is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory.base import Policy
from longwatch.memory.memory import Memory
from longwatch.memory.recall import Recaller
from longwatch.memory.recalling import Recalling
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.segment import Part, Segment, close, place
from longwatch.memory.table import Tokens, placed
from longwatch.memory.window import Window
from longwatch.models.preprocess import grid_positions
from longwatch.retrieval.scorer import by_group
from longwatch.retrieval.scorers import AttentionMass, LastToken, MaxSim, MeanDot, PageMean
from tests.memory import tiny
from tests.memory.cases import EXACT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from longwatch.memory.view import View
    from longwatch.retrieval import Scorer

LAYERS, H, D, HEADS = 2, 2, 4, 4


@dataclass(frozen=True)
class Kept(Policy):
    """One frame stays at hand; the others are sealed exactly, `block` tokens together."""

    recall: Recalling
    block: int = 6
    retriever: str = "faiss_flat"

    def retain(self, segments: tuple[Segment, ...], trace: object = None) -> tuple[Segment, ...]:
        return Window(1, 0).retain(segments)

    @property
    def sealing(self) -> Sealing:
        return Sealing(self.block, retriever=self.retriever, rungs=(Rung(EXACT),))

    @property
    def recalling(self) -> Recalling:
        return self.recall


def frame(
    i: int, n: int = 3, positions: Tensor | None = None, advance: int | None = None
) -> Segment:
    generator = torch.Generator().manual_seed(i)
    at = torch.arange(n)[None] if positions is None else positions
    keys, values = torch.randn(2, LAYERS, H, at.shape[1], D, generator=generator)
    return Segment(tuple(keys), tuple(values), at, i / 2, advance)


def stored(policy: Policy, frames: Sequence[Segment]) -> Memory:
    memory = Memory(policy, tiny.decoder().rope)
    for each in frames:
        memory.put(each)
    return memory


def question(seed: int = 99, n: int = 4) -> Tensor:
    return torch.randn(HEADS, n, D, generator=torch.Generator().manual_seed(seed))


def seen(memory: Memory, view: View | None = None) -> Recaller:
    snapshot = memory.snapshot()
    recaller = Recaller(memory.policy, snapshot.view if view is None else view)
    recaller.split(snapshot.segments)
    return recaller


def blocks_of(frames: Sequence[Segment], size: int, layer: int) -> list[Tensor]:
    """Return the keys, (h, n, d), of each block of `size` frames that was sealed."""
    keys = [f.keys[layer] for f in frames[: (len(frames) - 1) // size * size]]
    return [torch.cat(keys[i : i + size], 1) for i in range(0, len(keys), size)]


def found(part: Part, blocks: Sequence[Tensor]) -> list[int]:
    """Return which blocks a recalled part is made of, in its order."""
    starts, at = [], 0
    while at < part.keys.shape[1]:
        first = part.keys[:, at]
        (i,) = [i for i, keys in enumerate(blocks) if torch.equal(keys[:, 0], first)]
        n = blocks[i].shape[1]
        assert torch.equal(part.keys[:, at : at + n], blocks[i])
        starts.append(i)
        at += n
    return starts


FRAMES = [frame(i) for i in range(25)]  # two a block: twelve blocks, and one at hand


@pytest.mark.parametrize("scorer", [MaxSim(widen=12), MeanDot()], ids=repr)
@pytest.mark.parametrize("k", [1, 5, 12])
def test_the_best_blocks_are_those_that_a_loop_over_all_finds(scorer: Scorer, k: int) -> None:
    """Where the first look is wide enough to see every block, the second one decides alone."""
    memory = stored(Kept(Recalling(blocks=k, scorer=scorer)), FRAMES)
    recaller, query = seen(memory), question()
    for layer in range(LAYERS):
        asked = by_group(query, H)  # (h, n, d)
        blocks = blocks_of(FRAMES, 2, layer)
        scores = []
        for keys in blocks:
            products = torch.stack(
                [keys.transpose(0, 1).flatten(1) @ asked[:, t].flatten() for t in range(4)]
            )  # (n, T)
            scores.append(
                {
                    MaxSim: products.amax(1).sum(),
                    MeanDot: products.mean(),
                }[type(scorer)]
            )
        best = torch.stack(scores).argsort(descending=True)[:k].sort().values
        (part,) = recaller.choose(layer, query)
        assert found(part, blocks) == best.tolist()


@pytest.mark.parametrize("k", [1, 5, 12])
def test_the_best_frames_are_those_that_a_loop_over_all_finds(k: int) -> None:
    """Where all blocks are looked into, the frames of `k` blocks' size come from any of them."""
    memory = stored(Kept(Recalling(blocks=k, scorer=LastToken(widen=12))), FRAMES)
    recaller, query = seen(memory), question()
    for layer in range(LAYERS):
        asked = by_group(query, H)[:, -1].flatten()
        scores = [
            max(float(keys.flatten() @ asked) for keys in f.keys[layer].unbind(1))
            for f in FRAMES[:24]
        ]
        best = sorted(sorted(range(24), key=lambda i: -scores[i])[: 2 * k])
        (part,) = recaller.choose(layer, query)
        assert torch.equal(part.keys, torch.cat([FRAMES[i].keys[layer] for i in best], 1))
        assert torch.equal(part.values, torch.cat([FRAMES[i].values[layer] for i in best], 1))
        assert torch.equal(part.positions, place([FRAMES[i] for i in best], 1).positions)
        noted = {s.time: s.score for s in recaller.seen if s.layer == layer}
        assert noted == pytest.approx({FRAMES[i].time: scores[i] for i in best})


@pytest.mark.parametrize(("count", "shown"), [(13, 4), (17, 4), (33, 4), (35, 12), (200, 12)])
def test_with_much_to_choose_from_more_frames_are_seen_in_as_many_tokens(
    count: int, shown: int
) -> None:
    """Blocks of two frames of three tokens; two blocks' worth is recalled, of four and more."""
    recall = Recalling(blocks=2, crowd=8, scorer=LastToken(widen=8))
    memory = stored(Kept(recall), [frame(i) for i in range(count)])
    recaller = seen(memory)
    for layer in range(LAYERS):
        (part,) = recaller.choose(layer, question())
        assert part.keys.shape[1] == 12
        assert len({s.time for s in recaller.seen if s.layer == layer}) == shown


@pytest.mark.parametrize("scorer", [AttentionMass(), PageMean(2)], ids=repr)
def test_chosen_blocks_stand_in_the_order_of_time_whatever_their_scores(scorer: Scorer) -> None:
    memory = stored(Kept(Recalling(blocks=5, scorer=scorer)), FRAMES)
    for seed in range(8):
        (part,) = seen(memory).choose(1, question(seed))
        order = found(part, blocks_of(FRAMES, 2, 1))
        assert order == sorted(order)
        assert len(order) == 5
        frames = [f for block in order for f in FRAMES[2 * block : 2 * block + 2]]
        assert torch.equal(part.positions, place(frames, 1).positions)


@pytest.mark.parametrize(
    ("retriever", "expected"), [("recent", [8, 9, 10, 11]), ("uniform", [1, 4, 7, 10])]
)
def test_an_archive_works_with_an_index_that_ignores_the_question(
    retriever: str, expected: list[int]
) -> None:
    memory = stored(Kept(Recalling(blocks=4), retriever=retriever), FRAMES)
    for seed in range(3):
        (part,) = seen(memory).choose(0, question(seed))
        assert found(part, blocks_of(FRAMES, 2, 0)) == expected


@pytest.mark.parametrize("retriever", ["recent", "uniform"])
def test_a_second_look_works_with_an_index_without_vectors(retriever: str) -> None:
    policy = Kept(Recalling(blocks=3, scorer=AttentionMass(widen=4)), retriever=retriever)
    (part,) = seen(stored(policy, FRAMES)).choose(0, question())
    assert len(found(part, blocks_of(FRAMES, 2, 0))) == 3


@given(since=st.integers(-1, 26), length=st.integers(0, 27), k=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_a_time_range_shows_the_tokens_of_its_frames_alone(since: int, length: int, k: int) -> None:
    memory = stored(Kept(Recalling(blocks=k)), FRAMES[:13])  # of frames 0 to 11, half a second each
    view = memory.snapshot().view
    assert view is not None
    recaller = seen(memory, view.between(since / 2, (since + length) / 2))
    parts = recaller.choose(0, question())
    inside = [f for f in FRAMES[:12] if since / 2 <= f.time <= (since + length) / 2]  # type: ignore[operator]
    if not inside:
        assert not parts
        return
    (part,) = parts
    times = sorted(recaller.times())
    assert set(times) <= {f.time for f in inside}
    if 2 * k >= len(inside) + 2:
        assert times == [f.time for f in inside]
    expected = [f.keys[0] for f in inside if f.time in times]
    assert torch.equal(part.keys, torch.cat(expected, 1))


@given(
    candidates=st.integers(0, 200),
    tokens=st.integers(1, 40),
    blocks=st.none() | st.integers(1, 300),
    budget=st.none() | st.integers(1, 900),
    share=st.none() | st.floats(0.01, 1),
)
def test_every_limit_holds_and_none_is_stricter_than_it_says(
    candidates: int, tokens: int, blocks: int | None, budget: int | None, share: float | None
) -> None:
    limit = Recalling(blocks, budget, share).limit(candidates, tokens)
    allowed = [
        n
        for n in range(candidates + 1)
        if (blocks is None or n <= blocks)
        and (budget is None or n * tokens <= budget or n == 1)
        and (share is None or n == 0 or n - 1 < share * candidates)
    ]
    assert limit == max(allowed)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"blocks": 0}, "blocks to recall must be at least 1"),
        ({"tokens": 0}, "tokens to recall must be at least 1"),
        ({"page_tokens": -1}, "page_tokens to recall"),
        ({"share": 0.0}, "share to recall"),
        ({"share": 1.1}, "share to recall"),
        ({"crowd": 0.9}, "crowd must be at least 1"),
        ({"gap": -1}, "gap must not be negative"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Recalling(**settings)  # type: ignore[arg-type]


@given(
    frames=st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True),
    sides=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    advance=st.none() | st.integers(1, 5),
    gap=st.integers(0, 6),
    dropped=st.integers(0, 3),
)
def test_recalled_frames_are_placed_as_a_slow_loop_places_them(
    frames: list[int], sides: tuple[int, int], advance: int | None, gap: int, dropped: int
) -> None:
    """Of each frame some of the tokens are left; a frame missing between two is up to `gap`."""
    frames.sort()
    grid = grid_positions(*sides)
    kept = grid[:, min(dropped, grid.shape[1] - 1) :]
    size, n = max(sides), kept.shape[1]
    tokens = Tokens(
        np.repeat(frames, n).astype(np.int32),
        np.repeat(frames, n).astype(np.float64),
        np.tile(kept.numpy(), len(frames)).astype(np.int16),
        np.full(n * len(frames), size, np.int16),
    )
    start, expected = 0, []
    for before, number in zip([None, *frames], frames, strict=False):
        if before is not None:
            room = size if advance is None else advance
            start += room * (1 + min(gap, number - before - 1))
        shift = torch.tensor([[start]] * 3 if advance is None else [[start], [0], [0]])
        expected.append(kept + shift)
    positions, span, last = placed(tokens, advance, gap)
    assert torch.equal(positions, torch.cat(expected, 1))
    assert last == (0 if advance is None else start)
    if advance is None:
        assert span.tolist() == [[start + size]] * 3
    else:
        assert torch.equal(span, torch.cat(expected, 1).amax(1, keepdim=True) + 1)


@pytest.mark.parametrize("advance", [None, 1, 3])
def test_all_frames_recalled_stand_as_they_stood_at_hand(advance: int | None) -> None:
    """M-RoPE: whatever follows them starts at the same place on every axis."""
    frames = [frame(i, positions=grid_positions(3, 2), advance=advance) for i in range(6)]
    memory = stored(Kept(Recalling(blocks=None), block=12), frames)
    (part,) = seen(memory).choose(0, question())
    ours, expected = place([part], 3), place(frames[:4], 3)
    assert torch.equal(ours.positions, expected.positions)
    for new in (None, 2):
        assert torch.equal(ours.end.next(new), expected.end.next(new))


@pytest.mark.parametrize("k", [1, 3, 12])
def test_frames_share_a_weight_of_one_from_each_layer(k: int) -> None:
    memory = stored(Kept(Recalling(blocks=k)), FRAMES)
    recaller, query = seen(memory), question()
    expected: dict[float, float] = {}
    for layer in range(LAYERS):
        (part,) = recaller.choose(layer, query)
        blocks = blocks_of(FRAMES, 2, layer)
        order = found(part, blocks)
        scores = torch.tensor(
            [float((blocks[i].mean(1) * by_group(query, H).mean(1)).sum()) for i in order]
        ).double()
        weights = scores.repeat_interleave(2).softmax(0).tolist()
        frames = [f for i in order for f in FRAMES[2 * i : 2 * i + 2]]
        for each, weight in zip(frames, weights, strict=True):
            assert each.time is not None
            expected[each.time] = expected.get(each.time, 0.0) + weight
    assert recaller.times() == pytest.approx(expected, rel=1e-4)
    assert sum(recaller.times().values()) == pytest.approx(LAYERS)


def test_nothing_stored_recalls_nothing() -> None:
    memory = stored(Kept(Recalling()), FRAMES[:1])
    recaller = seen(memory)
    assert recaller.choose(0, question()) == []
    assert recaller.times() == {}


def test_a_policy_that_recalls_nothing_has_no_recaller() -> None:
    with pytest.raises(ValueError, match="recalls nothing"):
        Recaller(Window(), None)


def test_a_closed_part_starts_at_its_own_smallest_position() -> None:
    part = part_at(torch.tensor([[4, 6, 9], [3, 3, 8], [7, 5, 5]]))
    closed = close(part)
    assert closed.positions.tolist() == [[0, 2, 5], [0, 0, 5], [2, 0, 0]]
    assert closed.span.tolist() == [[6], [6], [3]]


def part_at(at: Tensor) -> Part:
    kv = torch.zeros(H, at.shape[1], D)
    return Part(kv, kv, at, at.amax(1, keepdim=True) + 1)
