"""What is left of a stream whose process was killed, and how soon it is ready again.

A child process puts frames of random keys and values into a memory with an archive whose ladder is
at work, a hundred frames a second, and a stream's store keeps them. It is killed (SIGKILL) at a
random moment, up to 2.5 s after its first commit; in a fifth of the kills sooner, while it restores
the stream or soon after. Then the store is opened and compared, bit by bit, with a memory in this
process that was given the same frames and never stopped, and the next child goes on with the same
store. A block is lost if the last commit that is back speaks of it and it is not there; a commit
that was made more than a second before the kill and is not back counts as one, too. A block is
corrupt if it differs in any bit.

The second table has the time until a store of so many blocks, at the shape of the bundled model, is
a memory that can answer: read from the page cache, and after the cache was asked to let go of the
files (`cold_s`). `ready_cpu_s` is what the first spends on a processor, which leaves out the turns
that other programs had; `read_s` the time that reading the same files, and no more, takes from the
cache, in the same run. Times are [median, least, most].
"""

from __future__ import annotations

import random
import shutil
import struct
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch

from benchmarks.readiness import fill, frame, opened, ready
from benchmarks.report import parser, publish
from longwatch.memory import Longwatch
from longwatch.memory.durable.journal import Journal
from longwatch.memory.durable.writer import Writer
from longwatch.memory.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from longwatch.memory.base import Rope
    from longwatch.memory.sealed import Sealed

FPS = 100.0
SMALL = 256 << 10  # bytes of a file, so that files come and go between two kills
POLICY = Longwatch(window_tokens=320, block_tokens=30, thinning=None, max_bytes=3 << 20, rungs=4)
SECONDS = (0.0, 2.5)  # from a child's first commit to its end
EARLY = 0.2  # share of kills that come sooner: while the child starts, or soon after
PATIENCE = 120  # seconds
# All that a child needs and that takes long to import; it is forked from a process that has it.
PRELOADED = ["benchmarks.report", "benchmarks.readiness", "longwatch.memory.durable.writer"]
COMMITTED = struct.Struct("<qd")  # frames, when


class Protocol(NamedTuple):
    """How much is done."""

    kills: int
    blocks: tuple[int, ...]
    repeats: int


FULL = Protocol(100, (1_000, 10_000, 50_000), 3)
QUICK = Protocol(5, (500, 2_000), 2)


def write(folder: Path, told: Connection) -> None:
    """Go on with the stream in `folder` until this process is killed."""
    torch.set_num_threads(1)
    told.send_bytes(COMMITTED.pack(0, time.monotonic()))
    memory, store = opened(folder, POLICY, SMALL)
    writer = Writer()
    writer.start()
    memory.keep(Journal(store, writer))
    while True:
        memory.put(frame(memory.snapshot().frames_seen))
        told.send_bytes(COMMITTED.pack(memory.snapshot().frames_seen, time.monotonic()))
        time.sleep(1 / FPS)


def blocks(memory: Memory) -> dict[int, Sealed]:
    """Return the blocks that a memory holds."""
    view = memory.snapshot().view
    if view is None or memory.archive is None:
        return {}
    return {i: memory.archive.stored(i) for i in np.flatnonzero(view.allowed()).tolist()}


def equal(one: Sealed, other: Sealed | None) -> bool:
    """Tell whether two blocks are the same, bit by bit."""
    return other is not None and (
        one.rung == other.rung
        and torch.equal(one.rows, other.rows)
        and all(torch.equal(a, b) for a, b in zip(one.vectors, other.vectors, strict=True))
        and all(
            np.array_equal(getattr(one.tokens, name), getattr(other.tokens, name))
            for name in ("frame", "time", "place", "span")
        )
    )


def same_at_hand(one: Memory, other: Memory) -> bool:
    """Tell whether two memories have the same segments at hand, bit by bit."""
    pairs = [
        (a, b)
        for s, t in zip(one.snapshot().segments, other.snapshot().segments, strict=False)
        for a, b in zip(
            (*s.keys, *s.values, s.positions), (*t.keys, *t.values, t.positions), strict=True
        )
    ]
    count = len(one.snapshot().segments) == len(other.snapshot().segments)
    return count and all(torch.equal(a, b) for a, b in pairs)


def killed(folder: Path, kills: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield what was found after each of so many kills."""
    chance, whole = random.Random(seed), Memory(POLICY, cast("Rope", None))
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    for _ in range(kills):
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=write, args=(folder, theirs), daemon=True)
        child.start()
        theirs.close()
        early = chance.random() < EARLY
        committed = _heard(mine, 1 if early else 2)  # its start, its first commit
        end = time.monotonic() + chance.uniform(*SECONDS) * (EARLY if early else 1)
        while (left := end - time.monotonic()) > 0:
            if mine.poll(left):
                committed += _heard(mine, 1)
        child.kill()
        at = time.monotonic()
        child.join()
        with suppress(EOFError):
            while mine.poll():
                committed += _heard(mine, 1)  # what it said before it was killed
        mine.close()
        memory, store = opened(folder, POLICY, SMALL)
        store.close()
        seen = memory.snapshot().frames_seen
        late = [at - when for frames, when in committed if frames > seen]
        while whole.snapshot().frames_seen < seen:
            whole.put(frame(whole.snapshot().frames_seen))
        expected, found = blocks(whole), blocks(memory)
        yield {
            "committed": sum(frames > 0 for frames, _ in committed),
            "frames": seen,
            "blocks": len(expected),
            "missing": len(expected.keys() - found.keys()),
            "corrupt": sum(
                i not in expected or not equal(b, expected[i]) for i, b in found.items()
            ),
            "early": early,
            "at_hand": same_at_hand(memory, whole),
            "late": sum(age > 1 for age in late),
            "oldest_lost_s": max(late, default=0.0),
            "cut": store.cut,
            "damaged": store.damaged,
        }


def _heard(told: Connection, messages: int) -> list[tuple[int, float]]:
    """Wait for so many messages of a child."""
    found = []
    for _ in range(messages):
        if not told.poll(PATIENCE):
            raise RuntimeError(f"a child said nothing for {PATIENCE} s")
        frames, when = COMMITTED.unpack(told.recv_bytes())
        found.append((int(frames), float(when)))
    return found


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Kill one child after another, then measure how soon stores are ready, and publish."""
    arguments = parser("recovery", __doc__ or "")
    words = sys.argv[1:] if given is None else list(given)
    options = arguments.parse_args(words)
    protocol = QUICK if options.quick else FULL
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="longwatch-recovery-") as name:
        folder = Path(name)
        kills = list(killed(folder / "killed", protocol.kills, options.seed))
        rows = []
        for count in protocol.blocks:
            fill(folder / str(count), count, options.seed)
            rows.append(ready(folder / str(count), count, protocol.repeats))
            shutil.rmtree(folder / str(count))
    if not all(kill["committed"] or kill["early"] for kill in kills) or not kills[-1]["blocks"]:
        raise RuntimeError("the children wrote too little for their end to show anything")
    lost = sum(kill["missing"] + kill["late"] for kill in kills)
    summary = {
        "kills": len(kills),
        "kills_while_starting": sum(kill["early"] for kill in kills),
        "commits": sum(kill["committed"] for kill in kills),
        "frames": kills[-1]["frames"],
        "blocks_compared": sum(kill["blocks"] for kill in kills),
        "lost_blocks_older_than_1s": lost,
        "corrupt_blocks": sum(kill["corrupt"] for kill in kills),
        "at_hand_differs": sum(not kill["at_hand"] for kill in kills),
        "damaged": sum(kill["damaged"] for kill in kills),
        "torn_ends": sum(kill["cut"] > 0 for kill in kills),
        "oldest_lost_s": max(kill["oldest_lost_s"] for kill in kills),
        "ready_s": {str(row["blocks"]): row["ready_s"][0] for row in rows},
    }
    return publish(arguments, words, [*kills, *rows], summary, shown=rows)


if __name__ == "__main__":
    main()
