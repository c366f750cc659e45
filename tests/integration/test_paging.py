"""Answers about blocks that are on disk alone wait for the disk; nobody else does."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from longwatch.memory.fetcher import Fetcher
from longwatch.serve.answers.types import Done
from tests.support import tiny
from tests.unit.serve.engine.test_persistence import KEPT, clip, serving, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.streams.stream import Stream

Jobs = list["Callable[[], None]"]
PAGED = replace(KEPT, host_mb=1, fidelity="small")  # few blocks are seen by every frame


def near(stream: Stream) -> int:
    """Return the bytes of the blocks that every frame sees: they stay in RAM."""
    archive = stream.memory.archive
    return 0 if archive is None else len(archive.newest()) * archive.ladder.sizes[0]


def paged(engine: Engine, stream: Stream) -> Jobs:
    """Let no block stay in RAM that may leave it, and the reads wait; return these."""
    disk, jobs = stream.memory.disk, Jobs()
    if not isinstance(disk, Fetcher):
        pytest.fail("the stream has a quota of RAM")
    disk.limit, disk._run = 0, jobs.append
    kept, archive = stream.disk, stream.memory.archive
    if kept is None or archive is None:
        pytest.fail("the stream is kept, and something of it sealed")
    kept._writer.flush()
    engine.run_soon(archive.trim)
    tiny.wait_for(lambda: stream.memory.stats().host_bytes <= near(stream))
    return jobs


def opened(engine: Engine, name: str, frames: int) -> Stream:
    stream = engine.open_stream(name, PAGED)
    tiny.feed(stream, clip(0, frames))
    return stream


def test_a_slow_disk_holds_up_nobody_but_who_needs_it(tmp_path: Path) -> None:
    with serving(tmp_path) as engine:
        quick = opened(engine, "quick", 40)
        far = opened(engine, "far", 40)
        expected = texts(engine, "far")
        jobs = paged(engine, far)
        waiting, cancelled = tiny.Listener(), tiny.Listener()
        engine.ask("far", tiny.question(), waiting)
        lost = engine.ask("far", tiny.question(), cancelled)
        tiny.wait_for(lambda: len(jobs) == 2)
        tiny.feed(quick, clip(40, 44))
        tiny.feed(far, clip(40, 44))
        assert tiny.ask(engine, "quick").status == "incomplete"  # at its limit of tokens
        lost.cancel()
        assert cancelled.done().status == "cancelled"
        assert len(waiting.events) == 1
        while not isinstance(waiting.events[-1], Done):
            while jobs:
                jobs.pop(0)()
            time.sleep(0.001)
        assert waiting.done().text == expected[0]
        far.disk._writer.flush()  # type: ignore[union-attr]
        engine.run_soon(far.memory.archive.trim)  # type: ignore[union-attr]
        tiny.wait_for(lambda: far.memory.stats().host_bytes == near(far))


def test_answers_are_the_same_after_a_restart_with_the_newest_blocks_alone_in_ram(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as engine:
        opened(engine, "door", 40)
        expected = texts(engine, "door")
    with serving(tmp_path) as engine:
        stream = engine.stream("door")
        run = stream.memory.disk._run  # type: ignore[union-attr]
        paged(engine, stream)
        stream.memory.disk._run = run  # type: ignore[union-attr]
        assert stream.memory.stats().away_bytes > 0
        assert texts(engine, "door") == expected
        listener = tiny.Listener()
        paged(engine, stream)
        engine.ask("door", tiny.question(), listener)
    assert listener.done().status == "failed"  # it waited when the service ended
