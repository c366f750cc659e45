"""Memories that share a quota: none holds more than its part where others need theirs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch

from longwatch.errors import ConfigError, LimitError
from longwatch.memory import Longwatch, Policy, ReKV, Window
from longwatch.memory.durable.journal import Journal
from longwatch.memory.durable.store import Store
from longwatch.memory.fetcher import Fetcher
from longwatch.memory.memory import Memory
from longwatch.memory.quota import Quota, QuotaSettings, in_ram, least_bytes
from longwatch.memory.tier import AWAY
from tests.memory import parts
from tests.memory.durable.test_restore import Direct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TOKENS = 8  # of a block, which is a frame
OURS = Longwatch(
    window_tokens=8, sinks=0, block_tokens=TOKENS, thinning=None, rungs=3, near=2 * TOKENS
)
BLOCK = parts.LAYERS * OURS.codec.row_bytes(parts.H, parts.D, TOKENS)
QUOTA = 30 * BLOCK
ENDLESS = 1 << 60


def begin(quota: Quota, policy: Policy = OURS) -> Memory:
    memory = Memory(policy, parts.Places())
    quota.join(memory)
    return memory


def put(memory: Memory, number: int, seed: int = 0) -> None:
    memory.put(parts.frame(number, TOKENS, seed))


def held(memory: Memory) -> int:
    return 0 if memory.archive is None else in_ram(memory.archive)


def seen(memory: Memory) -> list[tuple[int, int]]:
    return [] if memory.archive is None else memory.archive.rungs()


def test_one_stream_under_a_quota_is_one_with_a_bound_of_its_own() -> None:
    alone = parts.read(
        Longwatch(window_tokens=8, sinks=0, block_tokens=TOKENS, thinning=None, rungs=3,
                  max_bytes=QUOTA),
        [parts.frame(i, TOKENS) for i in range(60)],
    )  # fmt: skip
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    memory = begin(quota)
    for i in range(60):
        put(memory, i)
    assert seen(memory) == seen(alone)
    pairs = zip(*(parts.seen(m.snapshot(), parts.question()) for m in (memory, alone)), strict=True)
    assert all(torch.equal(ours.keys, theirs.keys) for ours, theirs in pairs)


@pytest.mark.parametrize("policy", [OURS, ReKV(window_tokens=8)], ids=["longwatch", "rekv"])
def test_all_together_never_hold_more_than_the_quota(policy: Policy) -> None:
    size = max(BLOCK, sum(r.codec.row_bytes(parts.H, parts.D, TOKENS) * parts.LAYERS
                          for r in policy.sealing.rungs[:1]) if policy.sealing else 0)  # fmt: skip
    quota = Quota(QuotaSettings(host_bytes=40 * size))
    memories = [begin(quota, policy) for _ in range(4)]
    for i in range(60):
        for number, memory in enumerate(memories):
            if i % (number + 1) == 0:  # of different speeds
                put(memory, i, number)
                assert quota.used.host == sum(map(held, memories)) <= 40 * size
    assert quota.used.host > 15 * size


def test_a_small_stream_holds_what_it_would_alone_with_its_part() -> None:
    part = begin(Quota(QuotaSettings(host_bytes=QUOTA // 2)))
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    big, small = begin(quota), begin(quota)
    for i in range(80):
        put(big, i)
        if i % 20 == 0:
            put(small, i, 1)
            put(part, i, 1)
    assert seen(small) == seen(part)
    assert 0 < held(small) < QUOTA // 5 < held(big)


def test_who_needs_little_lends_the_rest_and_has_it_back() -> None:
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    first, second = begin(quota), begin(quota)
    put(second, 0, 1)
    for i in range(60):
        put(first, i)
    alone = held(first)
    assert alone > QUOTA // 2
    for i in range(1, 60):
        put(second, i, 1)
    assert held(first) < alone
    assert held(second) == pytest.approx(held(first), abs=4 * BLOCK)
    quota.leave(second)
    for i in range(60, 120):
        put(first, i)
    assert held(first) == pytest.approx(alone, abs=2 * BLOCK)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_in_the_long_run_it_does_not_matter_who_was_first(order: Sequence[int]) -> None:
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    memories = [begin(quota) for _ in range(3)]
    for start, number in enumerate(order):
        for i in range(20 * start, 40):  # the first ones fill it
            put(memories[number], i, number)
    for i in range(40, 100):
        for number in order:
            put(memories[number], i, number)
    found = sorted(map(held, memories))
    assert found[0] >= 3 * BLOCK
    assert found[2] - found[0] <= 2 * BLOCK


def test_what_gives_way_is_shown_at_once_and_its_ram_is_given_back() -> None:
    """A stream that reads no more lets go all the same, and an answer under way sees on."""
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    idle = begin(quota)
    for i in range(60):
        put(idle, i)
    before = parts.seen(idle.snapshot(), parts.question())
    answering, blocks = idle.snapshot(), held(idle)
    busy = begin(quota)
    for i in range(60):
        put(busy, i, 1)
    assert held(idle) < blocks
    after = parts.seen(answering, parts.question())
    assert all(torch.equal(a.keys, b.keys) for a, b in zip(after, before, strict=True))
    assert idle.archive is not None
    assert idle.archive.tier.used_bytes > held(idle)
    del answering
    quota.settle()
    assert idle.archive.tier.used_bytes == held(idle)


class Kept(NamedTuple):
    """A memory that is on disk, too."""

    memory: Memory
    store: Store
    disk: Fetcher

    def put(self, number: int, seed: int = 0) -> None:
        put(self.memory, number, seed)
        self.store.sync()
        if self.memory.archive is not None:
            self.memory.archive.trim()


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        stack.made = iter(tmp_path / str(i) for i in range(100))  # type: ignore[attr-defined]
        yield stack


def keep(quota: Quota, folders: ExitStack, own: int = ENDLESS) -> Kept:
    memory = begin(quota)
    store = Store(next(folders.made), 3)  # type: ignore[attr-defined]
    folders.callback(store.close)
    disk = Fetcher(store, own, lambda work: work())
    store.noted = lambda commit: setattr(disk, "end", commit.end)
    memory.keep(Journal(store, Direct()), disk)  # type: ignore[arg-type]
    return Kept(memory, store, disk)


def test_who_is_kept_on_disk_gives_ram_and_forgets_nothing(folders: ExitStack) -> None:
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    kept = [keep(quota, folders), keep(quota, folders)]
    for i in range(40):
        for number, each in enumerate(kept):
            each.put(i, number)
            assert quota.used.host <= QUOTA + BLOCK
    for each in kept:
        stats = each.memory.stats()
        assert stats.sealed_tokens == 39 * TOKENS
        assert stats.away_bytes > 0
        assert stats.host_bytes == pytest.approx(QUOTA / 2, abs=2 * BLOCK)


def test_a_limit_of_its_own_holds_beside_the_quota(folders: ExitStack) -> None:
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    kept = keep(quota, folders, 5 * BLOCK)
    for i in range(20):
        kept.put(i)
    assert kept.memory.stats().host_bytes <= 5 * BLOCK


def test_what_every_frame_sees_stays_in_ram_however_little_that_is(folders: ExitStack) -> None:
    quota = Quota(QuotaSettings(host_bytes=QUOTA))
    kept = keep(quota, folders, BLOCK)
    for i in range(20):
        kept.put(i)
    assert kept.memory.stats().host_bytes == 2 * BLOCK
    archive = kept.memory.archive
    assert archive is not None
    assert archive.newest() == [17, 18]
    assert archive.tier.slots(np.array([16, 17, 18])).tolist()[0] == AWAY
    assert (archive.tier.slots(np.array([17, 18])) >= 0).all()


def test_who_is_kept_on_disk_is_let_in_where_what_its_frames_see_has_room() -> None:
    wide = replace(OURS, near=9 * TOKENS)
    shape = parts.LAYERS, parts.H * parts.D
    block = parts.LAYERS * OURS.codec.row_bytes(1, parts.H * parts.D, TOKENS)
    quota = Quota(QuotaSettings(host_bytes=8 * block))
    quota.admit(wide, *shape)
    quota.admit(replace(wide, near=8 * TOKENS), *shape, kept=True)
    with pytest.raises(LimitError, match=f"would need {9 * block} at least"):
        quota.admit(wide, *shape, kept=True)


def test_on_disk_a_ladder_is_cut_to_the_quota(folders: ExitStack) -> None:
    quota = Quota(QuotaSettings(disk_bytes=QUOTA))
    kept, other = keep(quota, folders), begin(quota)
    for i in range(60):
        kept.put(i)
        put(other, i, 1)
        assert quota.used.disk <= QUOTA
    assert held(other) == 59 * BLOCK  # not on disk


def test_nobody_is_let_in_where_not_a_block_a_rung_is_left() -> None:
    quota = Quota(QuotaSettings(host_bytes=2 * least_bytes([BLOCK] * 3)))
    for _ in range(2):
        quota.admit(OURS, parts.LAYERS, parts.H * parts.D)
        begin(quota)
    with pytest.raises(LimitError, match="server_host_mb") as refused:
        quota.admit(OURS, parts.LAYERS, parts.H * parts.D)
    assert refused.value.code == "memory_full"
    quota.admit(Window(), parts.LAYERS, parts.H * parts.D)  # seals nothing


def test_nobody_is_kept_where_the_disk_has_not_a_block_a_rung_left(folders: ExitStack) -> None:
    quota = Quota(QuotaSettings(disk_bytes=2 * least_bytes([BLOCK] * 3)))
    shape = parts.LAYERS, parts.H * parts.D
    for _ in range(2):
        quota.admit(OURS, *shape, kept=True)
        keep(quota, folders)
    with pytest.raises(LimitError, match="server_disk_mb") as refused:
        quota.admit(OURS, *shape, kept=True)
    assert refused.value.code == "storage_full"
    quota.admit(OURS, *shape)  # in RAM alone
    begin(quota)
    quota.admit(Window(), *shape, kept=True)  # seals nothing
    begun = Quota(QuotaSettings(disk_bytes=2 * least_bytes([BLOCK] * 3)))
    for _ in range(5):
        begin(begun)
    begun.admit(OURS, *shape, kept=True)  # the others are not on disk


def test_a_quota_is_a_size() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        QuotaSettings(host_bytes=0)
