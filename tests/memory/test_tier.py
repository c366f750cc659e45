"""Blocks beyond the quota are on disk alone, and nobody who asks can tell."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory import Longwatch, Policy, ReKV, StreamingTOM
from longwatch.memory.durable.journal import Journal
from longwatch.memory.durable.restore import restore
from longwatch.memory.durable.store import Store
from longwatch.memory.fetcher import Fetcher
from longwatch.memory.memory import Memory
from longwatch.memory.recall import need_of
from tests.memory.durable.test_restore import CPU, Direct, answer
from tests.memory.tiny import decoder, frames, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longwatch.memory.memory import Snapshot
    from longwatch.models.decoder import Decoder

LADDER = Longwatch(
    window_tokens=8, sinks=1, block_tokens=6, thinning=None, max_bytes=4000, rungs=3, near=12
)
POLICIES: list[Policy] = [
    ReKV(window_tokens=8, frames=3),
    StreamingTOM(window_tokens=8, group_tokens=6, tokens=12),
    Longwatch(window_tokens=8, block_tokens=6, tokens=24, near=0),  # ranks again by all keys
    LADDER,
]
LAYERS = 2


@cache
def model() -> Decoder:
    return decoder()


class Kept(NamedTuple):
    """A memory whose blocks are on disk, and what is between them."""

    memory: Memory
    store: Store
    disk: Fetcher
    jobs: list[Callable[[], None]]  # reads that wait, where the disk is slow


def keep(folder: Path, policy: Policy, limit: int, *, slow: bool = False) -> Kept:
    """Return a memory that goes on from `folder`, with `limit` bytes of blocks in RAM."""
    sealing = policy.sealing
    store = Store(folder, 0 if sealing is None else len(sealing.rungs), file_bytes=4000)
    jobs: list[Callable[[], None]] = []
    disk = Fetcher(store, limit, jobs.append if slow else lambda work: work())
    store.noted = lambda commit: setattr(disk, "end", commit.end)
    memory = Memory(policy, model().rope)
    restore(memory, store, CPU, disk)
    memory.keep(Journal(store, Direct()), disk)  # type: ignore[arg-type]
    return Kept(memory, store, disk, jobs)


def near_bytes(memory: Memory) -> int:
    """Return what the blocks that every frame sees take: they stay in RAM."""
    archive = memory.archive
    assert archive is not None
    return archive.sealing.near // archive.block_tokens * archive.ladder.sizes[0]


def watch(kept: Kept, count: int, first: int = 0) -> None:
    """Read frames; each is on disk before the next one comes."""
    for i, clip in enumerate(frames(first + count, 4)[first:], first):
        read(model(), kept.memory, clip, float(i))
        kept.store.sync()
    trim(kept)


def trim(kept: Kept) -> None:
    if kept.memory.archive is not None:
        kept.memory.archive.trim()


def asked(
    snapshot: Snapshot, meanwhile: Callable[[], object] = lambda: None
) -> tuple[torch.Tensor, int]:
    """Return the last hidden state after a question, and how many times it was read."""
    need, question = None, torch.randn(4, 32, generator=torch.Generator().manual_seed(5))
    for reads in range(1, 100):
        context = snapshot.context(model().rope, room=4, need=need)
        hidden = model().forward(question, torch.arange(4)[None], context)[-1]
        need = need_of(context)
        if need is None or need.met():
            return hidden, reads
        need.ask(lambda: None)
        meanwhile()
        need.land()
    raise AssertionError("it must end")


def view_ids(memory: Memory) -> list[int]:
    view = memory.snapshot().view
    return [] if view is None else np.flatnonzero(view.allowed()).tolist()


@cache
def expected(policy: Policy, count: int) -> torch.Tensor:
    """Return the answer with everything in RAM."""
    memory = Memory(policy, model().rope)
    for i, clip in enumerate(frames(count, 4)):
        read(model(), memory, clip, float(i))
    return answer(memory.snapshot())


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("limit", [0, 1500, 1 << 30])
def test_an_answer_is_the_same_wherever_the_blocks_are(
    tmp_path: Path, policy: Policy, limit: int
) -> None:
    kept = keep(tmp_path, policy, limit)
    watch(kept, 40)
    stats, least = kept.memory.stats(), near_bytes(kept.memory)
    assert stats.host_bytes <= max(limit, least)
    assert stats.host_bytes + stats.away_bytes == sum(size for _, size in stats.rungs)
    assert (stats.away_bytes > 0) == (limit < sum(size for _, size in stats.rungs))
    found, reads = asked(kept.memory.snapshot())
    assert torch.equal(found, expected(policy, 40))
    assert reads <= LAYERS + 1
    assert kept.memory.stats().host_bytes <= max(limit, least)
    kept.store.close()


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("limit", [0, 1500])
def test_a_restart_leaves_on_disk_what_is_beyond_the_quota(
    tmp_path: Path, policy: Policy, limit: int
) -> None:
    kept = keep(tmp_path, policy, limit)
    watch(kept, 20)
    kept.store.close()
    again = keep(tmp_path, policy, limit)
    assert again.memory.stats().host_bytes <= max(limit, near_bytes(again.memory))
    assert view_ids(again.memory) == view_ids(kept.memory)
    watch(again, 20, 20)
    assert torch.equal(asked(again.memory.snapshot())[0], expected(policy, 40))
    again.store.close()


class Meanwhile:
    """Does what may happen while an answer waits for a slow disk."""

    def __init__(self, kept: Kept, steps: list[str]) -> None:
        self.kept, self.steps, self.at = kept, steps, 0
        self.clips = frames(40, 4)

    def __call__(self) -> None:
        for step in self.steps:
            self.do(step)
        while self.kept.jobs:
            self.do("fetch")

    def do(self, step: str) -> None:
        if step == "read":
            read(model(), self.kept.memory, self.clips[self.at % 40], float(self.at))
            self.at += 1
        elif step == "sync":
            self.kept.store.sync()
        elif step == "trim":
            trim(self.kept)
        elif self.kept.jobs:
            self.kept.jobs.pop(0)()


def in_ram(kept: Kept, snapshot: Snapshot) -> torch.Tensor:
    """Return the answer with everything in RAM for once."""
    limit, kept.disk.limit = kept.disk.limit, 1 << 30
    archive = kept.memory.archive
    assert archive is not None
    archive.land([(i, kept.store.rows(i)) for i in view_ids(kept.memory)])
    found, reads = asked(snapshot)
    assert reads == 1
    kept.disk.limit = limit
    trim(kept)
    return found


@given(st.lists(st.sampled_from(["read", "sync", "fetch", "trim"]), max_size=40))
@settings(max_examples=8, deadline=None)
def test_whatever_happens_meanwhile_an_answer_is_that_of_its_snapshot(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Blocks age, go and come back while a slow disk brings what an answer waits for."""
    kept = keep(tmp_path_factory.mktemp("kept"), LADDER, 800, slow=True)
    meanwhile = Meanwhile(kept, steps)
    for _ in range(30):
        meanwhile.do("read")
    kept.store.sync()
    snapshot = kept.memory.snapshot()
    right = in_ram(kept, snapshot)
    assert torch.equal(asked(snapshot, meanwhile)[0], right)
    del snapshot
    for _ in range(8):  # once nobody looks back, all is in order again
        meanwhile()
        meanwhile.do("read")
        meanwhile.do("sync")
    trim(kept)
    stats = kept.memory.stats()
    assert stats.host_bytes + stats.away_bytes == sum(size for _, size in stats.rungs)
    assert stats.lost_blocks == 0
    kept.store.close()


def test_a_slow_disk_lets_rungs_be_over_their_limit_by_a_few_blocks(tmp_path: Path) -> None:
    kept = keep(tmp_path, LADDER, 0, slow=True)
    least = keep(tmp_path / "quick", LADDER, 0)
    for i, clip in enumerate(frames(90, 4)):
        for each in (kept, least):
            read(model(), each.memory, clip, float(i))
            each.store.sync()
        if i % 3 == 2:
            while kept.jobs:
                kept.jobs.pop(0)()
        for (many, _), (few, _) in zip(
            kept.memory.stats().rungs, least.memory.stats().rungs, strict=False
        ):
            assert many <= few + 6
    kept.store.close()
    least.store.close()


def test_nothing_leaves_ram_before_it_is_safe(tmp_path: Path) -> None:
    kept = keep(tmp_path, POLICIES[0], 0)
    for i, clip in enumerate(frames(20, 4)):
        read(model(), kept.memory, clip, float(i))
    trim(kept)
    assert kept.memory.stats().away_bytes == 0
    kept.store.sync()
    trim(kept)
    assert kept.memory.stats().host_bytes == 0
    kept.store.close()


def test_what_was_recalled_last_stays(tmp_path: Path) -> None:
    policy = ReKV(window_tokens=8, frames=3)
    kept = keep(tmp_path, policy, 1 << 30)
    watch(kept, 40)
    archive, view = kept.memory.archive, kept.memory.snapshot().view
    assert archive is not None
    assert view is not None
    ids = np.flatnonzero(view.allowed())
    size = kept.memory.stats().host_bytes // len(ids)
    archive.tier.touch(ids[[5, 2]].tolist())
    kept.disk.limit = 3 * size
    trim(kept)
    here = ids[archive.tier.slots(ids) >= 0]
    assert here.tolist() == [*ids[[2, 5]].tolist(), ids[-1]]
    kept.store.close()


def test_a_block_that_cannot_be_read_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = ReKV(window_tokens=8, frames=3)
    kept = keep(tmp_path, policy, 0)
    watch(kept, 40)
    before = view_ids(kept.memory)
    for path in sorted((tmp_path / "rung-0").glob("*.log"))[:2]:
        path.write_bytes(b"?" * path.stat().st_size)
    found, _ = asked(kept.memory.snapshot())
    watch(kept, 20, 40)
    again, _ = asked(kept.memory.snapshot())
    assert torch.isfinite(found).all()
    assert torch.isfinite(again).all()
    lost = kept.memory.stats().lost_blocks
    assert 0 < lost == len(set(before) - set(view_ids(kept.memory)))
    assert sum("left out from now on" in record.message for record in caplog.records) == 1
    kept.store.close()
