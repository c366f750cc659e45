"""A memory that was on disk is what it was when its last whole commit was written."""

from __future__ import annotations

import random
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch

from longwatch.errors import StorageError
from longwatch.memory import Full, InfiniPotV, LiveVLM, Longwatch, Policy, ReKV, Window
from longwatch.memory.durable import files
from longwatch.memory.durable.journal import Journal
from longwatch.memory.durable.restore import restore
from longwatch.memory.durable.store import Store, runs
from longwatch.memory.memory import Memory
from tests.memory.cases import BOUNDED
from tests.memory.tiny import decoder, frames, read, read_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from longwatch.memory.memory import Snapshot
    from longwatch.models.decoder import Decoder

CPU = torch.device("cpu")
LADDER = Longwatch(window_tokens=8, sinks=1, block_tokens=6, thinning=None, max_bytes=4000, rungs=3)
CASES: list[Policy] = [*BOUNDED[:9], Full(), LADDER]


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Wait for no disk: a process that is killed loses nothing by it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@cache
def model() -> Decoder:
    return decoder()


class Direct:
    """A writer that writes at once, and takes only so many jobs until it is asked again."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.waiters: list[Callable[[], object]] = []

    def offer(self, run: Callable[[], object], nbytes: int = 0, target: Any = None) -> bool:
        if self.room:
            self.room -= 1
            run()
        return self.room > 0 or run is None

    def when_room(self, call: Callable[[], object]) -> None:
        self.waiters.append(call)


class Refusing(Direct):
    """Refuses all but every seventh job."""

    offered = 0

    def offer(self, run: Callable[[], object], nbytes: int = 0, target: Any = None) -> bool:
        self.offered += 1
        if self.offered % 7 == 0:
            run()
        return self.offered % 7 == 0


class Kept(NamedTuple):
    """A memory, and what keeps it."""

    memory: Memory
    store: Store
    journal: Journal


def keep(folder: Path, policy: Policy, writer: Any = None, size: int = 4000) -> Kept:
    """Return a memory that goes on from what is in `folder`, and is kept there."""
    memory = Memory(policy, model().rope)
    store = Store(folder, len(policy.sealing.rungs) if policy.sealing else 0, file_bytes=size)
    restore(memory, store, CPU)
    writer = Direct() if writer is None else writer
    journal = Journal(store, writer)
    memory.keep(journal)
    return Kept(memory, store, journal)


def open_with(kept: Kept) -> None:
    """Read the text that opens a stream."""
    read(model(), kept.memory, frames(1, 3, seed=9)[0], None)


def holds(memory: Memory) -> list[Any]:
    """Return all that a memory holds, as bytes that can be compared."""
    state = memory.snapshot()
    found: list[Any] = [state.frames_seen, state.tokens_seen]
    for s in state.segments:
        kept = None if s.kept is None else [p.tolist() for p in s.kept.places]
        tensors = [t.numpy().tobytes() for t in (*s.keys, *s.values, s.positions)]
        found.append((s.time, s.advance, s.index, kept, tensors))
    if state.view is not None and memory.archive is not None:
        for i in state.view.allowed().nonzero()[0].tolist():
            block = memory.archive.stored(i)
            vectors = [v.numpy().tobytes() for v in block.vectors]
            times = (block.tokens.frame.tolist(), block.tokens.time.tolist())
            found.append((i, block.rung, times, block.rows.numpy().tobytes(), vectors))
    return found


def answer(snapshot: Snapshot) -> torch.Tensor:
    """Return the last hidden state after a question."""
    context = snapshot.context(model().rope, room=4)
    asked = torch.randn(4, 32, generator=torch.Generator().manual_seed(5))
    return model().forward(asked, torch.arange(4)[None], context)[-1]


@pytest.mark.parametrize("policy", CASES, ids=repr)
def test_a_restart_changes_nothing(tmp_path: Path, policy: Policy) -> None:
    """Restarted after each of many frames, a memory is the same as one that never was."""
    whole, clips = Memory(policy, model().rope), frames(36, 4)
    kept = keep(tmp_path, policy)
    read(model(), whole, frames(1, 3, seed=9)[0], None)
    open_with(kept)
    for i, clip in enumerate(clips):
        for memory in (whole, kept.memory):
            read(model(), memory, clip, float(i))
        if i % 5 == 0:
            kept.store.sync()
            kept.store.close()
            kept = keep(tmp_path, policy)
        assert holds(kept.memory) == holds(whole)
    assert torch.equal(answer(kept.memory.snapshot()), answer(whole.snapshot()))
    assert torch.equal(
        answer(kept.memory.snapshot().until(20.0)), answer(whole.snapshot().until(20.0))
    )
    kept.store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
@pytest.mark.parametrize("policy", [Window(12), LADDER, InfiniPotV(tokens=16)], ids=repr)
def test_a_crash_at_any_moment_leaves_the_last_whole_commit(
    tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after any number of bytes; then the stream goes on, and dies again."""
    left, spent, real = [1 << 60], [0], files.write_all

    def write(file: Any, data: bytes | memoryview) -> None:
        part = memoryview(data)[: left[0]]
        real(file, part)
        left[0] -= len(part)
        spent[0] += len(part)
        if len(part) < len(data):
            raise SystemExit

    monkeypatch.setattr("longwatch.memory.durable.log.write_all", write)
    clips, states = frames(24, 4), {0: holds(Memory(policy, model().rope))}
    kept = keep(tmp_path / "whole", policy)
    for i, clip in enumerate(clips):
        read(model(), kept.memory, clip, float(i))
        states[i + 1] = holds(kept.memory)
    kept.store.close()
    chance = random.Random(4)
    for run in range(12):
        folder, done = tmp_path / str(run), 0
        for _ in range(4):
            left[0] = 1 << 60
            kept = keep(folder, policy)
            seen = kept.memory.snapshot().frames_seen
            assert done <= seen <= done + 1
            assert holds(kept.memory) == states[seen]
            left[0] = chance.randrange(spent[0] // 6)
            done = seen
            with suppress(SystemExit):
                for i in range(seen, 24):
                    read(model(), kept.memory, clips[i], float(i))
                    done = i + 1
                    if chance.random() < 0.2:
                        kept.store.sync()
            kept.store.close()


def test_what_the_writer_refuses_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longwatch.memory.durable.journal.HELD", 1500)
    monkeypatch.setattr("longwatch.memory.durable.journal.CHUNK", 600)
    kept = keep(tmp_path, LADDER, Refusing())
    clips = frames(60, 4)
    read_all(model(), kept.memory, clips)
    saves = 0
    while kept.journal.behind:
        kept.journal.save()
        saves += 1
    assert saves  # something was refused last
    kept.store.close()
    again = keep(tmp_path, LADDER)
    assert holds(again.memory) == holds(kept.memory)
    again.store.close()


def test_whoever_was_refused_asks_to_be_called(tmp_path: Path) -> None:
    writer, later = Direct(room=0), list[Any]()
    store = Store(tmp_path, 0)
    store.load(CPU)
    journal = Journal(store, writer, later.append)  # type: ignore[arg-type]
    memory = Memory(Window(12), model().rope)
    memory.keep(journal)
    read_all(model(), memory, frames(2, 4))
    waited = journal.behind
    writer.room = 100
    writer.waiters[0]()
    later[0]()
    assert (waited, journal.behind) == (True, False)
    store.close()
    again = keep(tmp_path, Window(12))
    assert holds(again.memory) == holds(memory)
    again.store.close()


@pytest.mark.parametrize("policy", [Window(12), LADDER], ids=repr)
def test_the_disk_holds_little_more_than_the_memory(tmp_path: Path, policy: Policy) -> None:
    kept, sizes = keep(tmp_path, policy, size=2000), list[int]()
    for start in range(0, 200, 20):
        read_all(model(), kept.memory, frames(20, 4, seed=start), float(start))
        kept.store.sync()
        sizes.append(kept.store.nbytes)
        assert kept.store.nbytes == sum(f.stat().st_size for f in tmp_path.rglob("*.log"))
    assert max(sizes[5:]) < 1.5 * max(sizes[:5])
    kept.store.close()


def test_damage_to_a_block_costs_that_block_alone(tmp_path: Path) -> None:
    policy = ReKV(window_tokens=8, frames=4)
    kept = keep(tmp_path, policy, size=1 << 20)
    read_all(model(), kept.memory, frames(20, 4))
    kept.store.close()
    before, path = holds(kept.memory), tmp_path / "rung-0" / "00000001.log"
    image = bytearray(path.read_bytes())
    image[len(image) // 2] ^= 255
    path.write_bytes(image)
    again = keep(tmp_path, policy, size=1 << 20)
    assert again.store.damaged == 1
    missing = [part for part in before if part not in holds(again.memory)]
    assert len(missing) == 1
    assert isinstance(missing[0], tuple)
    answer(again.memory.snapshot())
    again.store.close()


def test_another_policy_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    kept = keep(tmp_path, LADDER)
    read_all(model(), kept.memory, frames(20, 4))
    kept.store.close()
    for other in (Window(12), ReKV(window_tokens=8), LiveVLM(tokens=10)):
        with pytest.raises(StorageError, match="settings"):
            keep(tmp_path, other)
    again = keep(tmp_path, LADDER)
    assert holds(again.memory) == holds(kept.memory)
    again.store.close()


def test_runs_are_neighbours_that_count_up() -> None:
    assert runs([]) == []
    assert runs([0, 1, 2, 5, 7, 8, 3]) == [[0, 2], [5, 5], [7, 8], [3, 3]]
