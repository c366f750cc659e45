"""A stream's store of any size, and how long it takes until it is a memory that can answer."""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from longwatch.memory import Longwatch
from longwatch.memory.archive import Archive
from longwatch.memory.durable.journal import kind_of
from longwatch.memory.durable.restore import restore
from longwatch.memory.durable.store import Commit, Store
from longwatch.memory.memory import Memory
from longwatch.memory.sealed import Sealed, Shape
from longwatch.memory.segment import Segment
from longwatch.memory.table import Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from longwatch.memory.base import Policy, Rope

CPU = torch.device("cpu")
LAYERS, HEADS, WIDTH, TOKENS = 5, 2, 64, 10  # the bundled model's
ENDLESS = Longwatch(max_bytes=None)
FILE_BYTES = 64 << 20
POOL = 64  # blocks that differ; a store repeats them
MIB = 2**20


def frame(index: int) -> Segment:
    """Return the keys and values that were read of a frame; always the same."""
    generator = torch.Generator().manual_seed(index)
    made = torch.randn(2, LAYERS, HEADS, TOKENS, WIDTH, generator=generator)
    return Segment(
        tuple(made[0]), tuple(made[1]), torch.arange(TOKENS)[None], float(index), None, index
    )


def opened(folder: Path, policy: Policy, file_bytes: int) -> tuple[Memory, Store]:
    """Return a memory that holds what is in `folder`."""
    memory = Memory(policy, cast("Rope", None))  # nothing is read by a model here
    sealing = policy.sealing
    store = Store(folder, 0 if sealing is None else len(sealing.rungs), file_bytes=file_bytes)
    restore(memory, store, CPU)
    return memory, store


def fill(folder: Path, count: int, seed: int) -> None:
    """Write a store with so many blocks of random bytes and one frame at hand."""
    sealing, recalling = ENDLESS.sealing, ENDLESS.recalling
    tokens = sealing.block_tokens or TOKENS
    shape = Shape(LAYERS, HEADS, WIDTH, torch.float32, CPU, 1, None)
    kind = kind_of(Archive(sealing, recalling.scorer, shape, tokens))
    size = sealing.rungs[0].codec.row_bytes(HEADS, WIDTH, tokens)
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(0, 256, (POOL, LAYERS, size), dtype=torch.uint8, generator=generator)
    vectors = torch.randn(POOL, LAYERS, 1, HEADS * WIDTH, generator=generator)
    places = np.zeros((1, tokens), np.int16), np.ones(tokens, np.int16)
    _, store = opened(folder, ENDLESS, FILE_BYTES)
    store.begin()
    for i in range(count):
        when = Tokens(np.full(tokens, i, np.int32), np.full(tokens, float(i)), *places)
        found_by = tuple(vectors[i % POOL])
        store.put_blocks([Sealed(i, 0, when, rows[i % POOL], found_by)])
    last = frame(count)
    commit = Commit(count + 1, count * tokens, last.time, time.time(), [0], count, kind, [])
    store.put_commit(commit, [last])
    store.sync()
    store.close()


def ready(folder: Path, count: int, repeats: int) -> dict[str, Any]:
    """Measure the time until a store of so many blocks is a memory."""
    logs = sorted(folder.rglob("*.log"))
    times: dict[str, list[float]] = {"read": [], "ready": [], "ready_cpu": [], "cold": []}
    for _ in range(repeats):
        for log in logs:
            log.read_bytes()  # so that both find it in the cache
        start = time.perf_counter()
        for log in logs:
            log.read_bytes()
        times["read"].append(time.perf_counter() - start)
        spent = time.process_time()
        times["ready"].append(_restored(folder, count))
        times["ready_cpu"].append(time.process_time() - spent)
        for log in logs:
            with log.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        times["cold"].append(_restored(folder, count))
    size = sum(log.stat().st_size for log in logs) / MIB
    spread = {f"{k}_s": [statistics.median(t), min(t), max(t)] for k, t in times.items()}
    return {"blocks": count, "mib": size, **spread, "mib_per_s": size / spread["ready_s"][0]}


def _restored(folder: Path, count: int) -> float:
    start = time.perf_counter()
    memory, store = opened(folder, ENDLESS, FILE_BYTES)
    took = time.perf_counter() - start
    found = 0 if memory.archive is None else memory.archive.bounds()[1]
    store.close()
    if found != count:
        raise RuntimeError(f"{count} blocks were written and {found} are back")
    return took
