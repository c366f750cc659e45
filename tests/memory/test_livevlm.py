"""LiveVLM against its own definition: vision sink bucketing, and pages recalled by question."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.errors import ConfigError
from longwatch.memory import LiveVLM
from longwatch.memory.base import Trace
from longwatch.memory.livevlm import spread_out
from tests.memory.parts import HEADS, LAYERS, TOKEN, D, H, frame, question, read, seen, text

FRAMES = [frame(i) for i in range(20)]
Token = tuple[int, int]  # frame, and which of its tokens


def walk(weight: list[float], count: int, greedy: int) -> list[int]:
    """Bucket tokens as the paper does: one at a time, in falling order of attention."""
    n = len(weight)
    if n <= count:
        return list(range(n))
    order = sorted(range(n), key=lambda p: -weight[p])
    kept = order[:greedy]
    width = Fraction(n, count)
    room = dict.fromkeys(range(1, count + 1), 1)
    for p in kept:
        room[math.ceil((p + 1) / width)] -= 1
    for p in order[greedy:]:
        bucket = math.ceil((p + 1) / width)
        if room[bucket] > 0 and len(kept) < count:
            kept.append(p)
            room[bucket] -= 1
    return sorted(kept)


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 40), st.floats(0, 1))
def test_tokens_are_bucketed_as_the_paper_walks_through_them(
    weight: list[int], count: int, share: float
) -> None:
    """Many weights are equal: of these the earlier one goes first."""
    greedy = int(share * count)
    kept = spread_out(torch.tensor(weight, dtype=torch.float32), count, greedy)
    assert kept.tolist() == walk([float(w) for w in weight], count, greedy)
    assert len(kept) == min(len(weight), count)


class Plain:
    """The same memory in lists of tokens, a list a layer."""

    def __init__(self, policy: LiveVLM) -> None:
        self.policy = policy
        self.kept: list[list[Token]] = [[] for _ in range(LAYERS)]
        self.fresh: list[int] = []  # frames that are whole

    def put(self, new: int) -> None:
        policy = self.policy
        self.fresh.append(new)
        gone = self.fresh[: max(0, len(self.fresh) - policy.recent)]
        if len(gone) < policy.clip:
            return
        for layer, kept in enumerate(self.kept):
            tokens = kept + [(i, cell) for i in gone for cell in range(len(FRAMES[i]))]
            weight = attention(new, layer, tokens)
            greedy = int(policy.greedy * policy.tokens)
            self.kept[layer] = [tokens[p] for p in walk(weight, policy.tokens, greedy)]
        self.fresh = self.fresh[-policy.recent :]


def attention(new: int, layer: int, tokens: list[Token]) -> list[float]:
    """Return the attention that the newest frame pays to each token, over rows and heads."""
    query = question(new)[layer]
    total = torch.zeros(len(tokens))
    for head in range(HEADS):
        keys = torch.stack([FRAMES[i].keys[layer][head // (HEADS // H), c] for i, c in tokens])
        for row in query[head]:
            total += (keys @ row / D**0.5).softmax(0)
    return [float(w) for w in total]


def policies() -> st.SearchStrategy[LiveVLM]:
    return st.builds(
        LiveVLM,
        tokens=st.integers(1, 30),
        clip=st.integers(1, 6),
        recent=st.integers(1, 4),
        greedy=st.floats(0, 1),
        page_tokens=st.integers(1, 20),
        share=st.floats(0.05, 1),
    )


@given(policies(), st.integers(1, 20), st.booleans(), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_an_answer_sees_the_best_pages_of_what_is_kept_and_the_recent_frames_whole(
    policy: LiveVLM, count: int, opening: bool, seed: int
) -> None:
    before = [text()] if opening else []
    snapshot = read(policy, [*before, *FRAMES[:count]]).snapshot()
    plain = Plain(policy)
    for i in range(count):
        plain.put(i)
    recent = FRAMES[count - min(count, policy.recent) : count]
    assert plain.fresh[-len(recent) :] == [f.index for f in recent]
    for layer, found in enumerate(seen(snapshot, question(seed))):
        tokens = plain.kept[layer]
        pages = [
            tokens[a : a + policy.page_tokens] for a in range(0, len(tokens), policy.page_tokens)
        ]
        query = question(seed)[layer].mean(1).flatten()
        scores = [
            float(rows("keys", layer, page, HEADS).mean(1).flatten() @ query) for page in pages
        ]
        ranked = sorted(range(len(pages)), key=lambda i: -scores[i])
        best = sorted(ranked[: math.ceil(policy.share * len(pages))])
        chosen = [token for i in best for token in pages[i]]
        whole = [(i, cell) for i in plain.fresh for cell in range(4)]
        start = 3 * opening
        for name in ("keys", "values"):
            expected = rows(name, layer, [*chosen, *whole], H)
            assert torch.equal(getattr(found, name)[:, start:], expected)
        ends = found.positions[0][len(found.positions[0]) - len(whole) :]
        assert ends == list(range(ends[0], ends[0] + len(whole)))
        assert found.positions[0] == sorted(set(found.positions[0]))


def rows(name: str, layer: int, tokens: list[Token], heads: int) -> torch.Tensor:
    """Return keys or values, (heads, n, d), of tokens."""
    every = [getattr(FRAMES[i], name)[layer][:, cell] for i, cell in tokens]
    stacked = torch.stack([torch.zeros(H, D), *every], 1)[:, 1:]
    return stacked.repeat_interleave(heads // H, 0)


def test_the_budget_is_kept_for_ever() -> None:
    policy = LiveVLM(tokens=10, clip=3, recent=2)
    memory = read(policy, [text()])
    for i in range(60):
        memory.put(frame(i), Trace(question(i)))
        stats = memory.stats()
        assert stats.tokens_stored <= 3 + 10 + 4 * (3 + 2)
        newest = memory.snapshot().segments[-min(i + 1, 2) :]
        assert [len(s) for s in newest] == [4] * len(newest)
        assert [s.time for s in newest] == [float(j) for j in range(max(0, i - 1), i + 1)]
    assert memory.stats().device_bytes == memory.stats().tokens_stored * TOKEN


def test_layers_keep_different_tokens_and_the_heads_of_one_the_same() -> None:
    snapshot = read(LiveVLM(tokens=8, clip=6, recent=1), FRAMES[:7]).snapshot()
    (old,) = [s for s in snapshot.segments if s.kept is not None]
    assert old.kept is not None
    first, second = old.kept.origins
    for origin in (first, second):
        assert torch.equal(origin.frame[0], origin.frame[1])
        assert torch.equal(origin.cell[0], origin.cell[1])
    assert not (torch.equal(first.frame, second.frame) and torch.equal(first.cell, second.cell))


def test_the_defaults_are_those_of_the_paper() -> None:
    policy = LiveVLM()
    assert (policy.tokens, policy.clip, policy.recent) == (12_000, 32, 2)
    assert (policy.page_tokens, policy.share) == (16, 0.4)


@pytest.mark.parametrize(
    "wrong", [{"tokens": 0}, {"clip": 0}, {"recent": 0}, {"greedy": 1.5}, {"page_tokens": 0}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LiveVLM(**wrong)
