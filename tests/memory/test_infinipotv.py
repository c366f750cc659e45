"""InfiniPot-V against plain loops over layers, heads and tokens."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity

from longwatch.errors import ConfigError
from longwatch.memory import InfiniPotV
from tests.memory.parts import LAYERS, TOKEN, H, frame, question, read, seen, text

Token = tuple[int, int]  # frame, and which of its tokens
FRAMES = [frame(i, n) for i, n in enumerate([4, 4, 3, 4, 5, 4, 4, 2, 4, 4, 1, 4, 6, 4, 4, 4])]


class Plain:
    """The same cache in lists: tokens of each layer and head, oldest first."""

    def __init__(self, policy: InfiniPotV) -> None:
        self.policy = policy
        self.cut: dict[tuple[int, int], list[Token]] = {
            (layer, h): [] for layer in range(LAYERS) for h in range(H)
        }
        self.whole: list[int] = []

    def put(self, new: int) -> None:
        policy = self.policy
        self.whole.append(new)
        held = len(self.cut[0, 0]) + sum(len(FRAMES[i]) for i in self.whole)
        if held <= policy.tokens or (len(self.whole) < 2 and not self.cut[0, 0]):
            return
        size = max(1, int(policy.keep * policy.tokens))
        recent, fresh = [new], len(FRAMES[new])
        for i in reversed(self.whole[:-1]):
            if fresh + len(FRAMES[i]) > policy.recent * size:
                break
            recent.insert(0, i)
            fresh += len(FRAMES[i])
        older = [(i, c) for i in self.whole if i not in recent for c in range(len(FRAMES[i]))]
        newest = [(i, c) for i in recent for c in range(len(FRAMES[i]))]
        size = max(size, fresh)
        for (layer, h), kept in self.cut.items():
            some = kept + older
            forced = int(policy.redundancy * size) - fresh
            chosen = self._tar(some, recent, layer, h)[: max(0, forced)]
            rest = sorted(
                (t for t in some if t not in chosen),
                key=lambda t: -float(FRAMES[t[0]].values[layer][h, t[1]].norm()),
            )
            chosen = (chosen + rest)[: size - fresh]
            self.cut[layer, h] = sorted(chosen) + newest
        self.whole = []

    def _tar(self, some: list[Token], recent: list[int], layer: int, h: int) -> list[Token]:
        """Return the tokens, those least like the same cell of the recent frames first."""

        def likeness(token: Token) -> float:
            frame, cell = token
            key = FRAMES[frame].keys[layer][h, cell]
            alike = [
                float(cosine_similarity(key, FRAMES[i].keys[layer][h, cell], 0))
                for i in recent
                if cell < len(FRAMES[i])
            ]
            return sum(alike) / len(alike) if alike else 0.0

        return sorted(some, key=likeness)


def policies() -> st.SearchStrategy[InfiniPotV]:
    shares = st.floats(0.05, 0.95)
    return st.builds(
        InfiniPotV, tokens=st.integers(2, 40), keep=shares, recent=shares, redundancy=shares
    )


@given(policies(), st.integers(1, len(FRAMES)), st.booleans())
@settings(max_examples=40, deadline=None)
def test_each_head_keeps_what_the_loops_keep(policy: InfiniPotV, count: int, opening: bool) -> None:
    before = [text()] if opening else []
    plain = Plain(policy)
    for i in range(count):
        plain.put(i)
    snapshot = read(policy, [*before, *FRAMES[:count]]).snapshot()
    start = 3 * opening
    left = sorted({i for tokens in plain.cut.values() for i, _ in tokens} | set(plain.whole))
    starts, end = {}, start
    for i in left:  # frames with any token left stand in a row, at their full width
        starts[i] = end
        end += len(FRAMES[i])
    for layer, found in enumerate(seen(snapshot, question())):
        for h in range(H):
            tokens = plain.cut[layer, h] + [
                (i, cell) for i in plain.whole for cell in range(len(FRAMES[i]))
            ]
            for name in ("keys", "values"):
                expected = [getattr(FRAMES[i], name)[layer][h, cell] for i, cell in tokens]
                assert torch.equal(getattr(found, name)[h, start:], torch.stack(expected))
            places = found.positions[h if len(found.positions) > 1 else 0]
            assert places == [*range(start), *(starts[i] + cell for i, cell in tokens)]


def test_heads_and_layers_keep_different_tokens() -> None:
    plain = Plain(InfiniPotV(tokens=20))
    for i in range(len(FRAMES)):
        plain.put(i)
    assert len({tuple(tokens) for tokens in plain.cut.values()}) == LAYERS * H


@pytest.mark.parametrize("tokens", [8, 20, 33])
def test_the_budget_is_kept_for_ever_and_the_newest_frame_is_whole(tokens: int) -> None:
    policy = InfiniPotV(tokens=7).bounded(tokens * TOKEN, TOKEN)
    memory = read(policy, [text()])
    for i in range(80):
        memory.put(frame(i))
        stats = memory.stats()
        assert stats.tokens_stored <= 3 + tokens
        assert stats.device_bytes == stats.tokens_stored * TOKEN
        assert stats.newest_time == float(i)
        for layer, found in enumerate(seen(memory.snapshot(), question())):
            assert torch.equal(found.keys[:, -4:], frame(i).keys[layer])


def test_the_defaults_are_those_of_the_paper() -> None:
    policy = InfiniPotV()
    assert (policy.keep, policy.recent, policy.redundancy) == (0.75, 0.25, 0.5)


@pytest.mark.parametrize("wrong", [{"tokens": 1}, {"keep": 0}, {"keep": 1}, {"recent": 1.5}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        InfiniPotV(**wrong)
