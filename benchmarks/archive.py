"""The archive at the shape of a 7B model: seal a frame, find blocks, gather them, decode them.

28 layers, 4 key-value heads of 128 channels, blocks of 50 tokens, a frame every two seconds, random
keys and values. 12,500 tokens are gathered from archives of 1, 10 and 100 hours, other blocks each
time, so that no cache holds them; before each gather, `memcpy` copies as many bytes from one
stretch of a large buffer to the same place. Sealing is of one frame, all layers, into packed rows
and the arena; `gather`, `decode` (to fp32) and `search` are of one layer. Where memory does not
hold all layers of an archive, fewer are held, and the row says how many.

Everything runs on one thread. Times are [median, least, most] of what it spent on a processor: on a
machine that does nothing else, that is the time that passes, and elsewhere it leaves out the turns
that other programs had. `wall_over_cpu` says how much that is.

A second table has the relative error of keys and values by bits and axis, on what the bundled model
made of frames and on random numbers.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import faiss
import torch

from benchmarks import rounding
from benchmarks.report import parser, publish
from longwatch.memory.arena import Arena
from longwatch.memory.codec import Codec
from longwatch.retrieval import FaissIndex, FaissSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

LAYERS, HEADS, CHANNELS, TOKENS = 28, 4, 128, 50
SHAPE = HEADS, CHANNELS, TOKENS
BLOCKS_AN_HOUR = 1800  # one frame each, at 0.5 fps
GATHERED = 12_500 // TOKENS
POOL = 256  # blocks that differ; an archive repeats them, at addresses of their own
COPIED_FROM = 1 << 28  # bytes that `memcpy` takes a stretch of: more than a cache holds
GB = 1e9


class Protocol(NamedTuple):
    """How much is done."""

    hours: tuple[int, ...]
    held_bytes: float  # of one archive at most
    repeats: int
    worlds: int  # whose frames the bundled model reads
    frames: int  # of each


FULL = Protocol((1, 10, 100), 5.6e9, 60, 4, 100)
QUICK = Protocol((1, 10), 0.6e9, 15, 1, 50)


class Archive(NamedTuple):
    """Rows of some layers in an arena."""

    codec: Codec
    arena: Arena
    slots: Tensor  # (b,) int64


class Clock:
    """Milliseconds that this thread spends on things that are done in turns."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.wall = 0.0  # milliseconds that passed meanwhile

    def time(self, name: str, act: Callable[[], Any]) -> Any:
        """Do `act` and take note of how long it took."""
        wall, start = time.perf_counter(), time.thread_time()
        result = act()
        self.times.setdefault(name, []).append((time.thread_time() - start) * 1000)
        self.wall += (time.perf_counter() - wall) * 1000
        return result

    def spread(self, name: str) -> list[float]:
        """Return median, least and most."""
        times = self.times[name]
        return [statistics.median(times), min(times), max(times)]


def build(codec: Codec, hours: int, held_bytes: float, generator: torch.Generator) -> Archive:
    """Return an archive of so many hours, of as many layers as fit (a divisor of all)."""
    row, blocks = codec.row_bytes(*SHAPE), hours * BLOCKS_AN_HOUR
    fitting = [n for n in range(1, LAYERS + 1) if LAYERS % n == 0 and n * row * blocks < held_bytes]
    layers = max(fitting, default=1)
    pool = codec.encode(*kv(POOL, generator), torch.full((POOL,), TOKENS))
    arena, slots = Arena(layers, row), torch.empty(blocks, dtype=torch.int64)
    for some in slots.split(POOL):
        some.copy_(arena.put(pool[: len(some)].expand(layers, -1, -1)))
    return Archive(codec, arena, slots)


def kv(blocks: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return random keys and values, (b, h, T, d)."""
    shape = blocks, HEADS, TOKENS, CHANNELS
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)


def measure(archive: Archive, repeats: int, generator: torch.Generator) -> Clock:
    """Copy, gather, decode and seal in turns, `repeats` times after once unmeasured."""
    clock = Clock()
    codec, arena, slots = archive
    out = torch.empty(GATHERED, arena.row_bytes, dtype=torch.uint8)
    decoded = codec.decode(out.zero_(), *SHAPE, torch.float32)
    source = torch.ones(COPIED_FROM + out.nbytes, dtype=torch.uint8)
    for turn in range(repeats + 1):
        if turn == 1:
            clock = Clock()
        for name in ("memcpy", "gather", "memcpy", "gather_new"):
            if name == "memcpy":
                start = int(torch.randint(COPIED_FROM, (1,), generator=generator)) // 64 * 64
                addresses = out.data_ptr(), source.data_ptr() + start, out.nbytes
                clock.time(name, partial(ctypes.memmove, *addresses))
                continue
            chosen = torch.randperm(len(slots), generator=generator)[:GATHERED].sort().values
            layer = int(torch.randint(arena.layers, (1,), generator=generator))
            into = out if name == "gather" else None
            clock.time(name, partial(arena.gather, layer, slots[chosen], into))
        decode = partial(codec.decode, out, *SHAPE, torch.float32)
        clock.time("decode", partial(decode, decoded))
        clock.time("decode_new", decode)
        keys, values = kv(LAYERS, generator)
        arena.free(clock.time("seal", partial(seal, archive, keys, values)))
    return clock


def search(hours: int, repeats: int, generator: torch.Generator) -> Clock:
    """Search one layer's index, in fp32 and in fp16, in turns, after once unmeasured."""
    width = HEADS * CHANNELS
    indexes = {"fp32": FaissIndex(width), "fp16": FaissIndex(width, FaissSettings(half=True))}
    blocks = hours * BLOCKS_AN_HOUR
    for start in range(0, blocks, POOL):
        ids = range(start, min(start + POOL, blocks))
        vectors = torch.randn(len(ids), 1, width, generator=generator)
        for index in indexes.values():
            index.add(ids, vectors)
    clock = Clock()
    for turn in range(repeats + 1):
        if turn == 1:
            clock = Clock()
        query = torch.randn(1, width, generator=generator)
        for name, index in indexes.items():
            clock.time(name, partial(index.search, query, GATHERED))
    return clock


def seal(archive: Archive, keys: Tensor, values: Tensor) -> Tensor:
    """Store one frame of all layers; return its slots."""
    rows = archive.codec.encode(keys, values, torch.full((LAYERS,), TOKENS))
    return archive.arena.put(rows.view(archive.arena.layers, -1, archive.arena.row_bytes))


def row(hours: int, archive: Archive, clock: Clock, searches: Clock) -> dict[str, Any]:
    """Return what is reported of one archive."""
    size = GATHERED * archive.arena.row_bytes
    gather, memcpy = clock.spread("gather"), clock.spread("memcpy")
    decode, found = clock.spread("decode"), searches.spread("fp32")
    return {
        "hours": hours,
        "blocks": len(archive.slots),
        "layers_held": archive.arena.layers,
        "gb_held": archive.arena.used_bytes / GB,
        "gb_of_all_layers": len(archive.slots) * archive.arena.row_bytes * LAYERS / GB,
        "seal_ms": clock.spread("seal"),
        "memcpy_ms": memcpy,
        "gather_ms": gather,
        "gather_to_new_memory_ms": clock.spread("gather_new"),
        "memcpy_gb_per_s": size / memcpy[0] * 1000 / GB,
        "gather_gb_per_s": size / gather[0] * 1000 / GB,
        "gather_over_memcpy": memcpy[0] / gather[0],
        "decode_ms": decode,
        "decode_to_new_memory_ms": clock.spread("decode_new"),
        "search_fp32_ms": found,
        "search_fp16_ms": searches.spread("fp16"),
        "recall_ms_of_all_layers": (found[0] + gather[0] + decode[0]) * LAYERS,
        "wall_over_cpu": clock.wall / sum(sum(times) for times in clock.times.values()),
    }


def errors(protocol: Protocol, seed: int) -> list[dict[str, Any]]:
    """Return the table of errors."""
    blocks = [*rounding.real(protocol.worlds, protocol.frames, TOKENS)]
    blocks.append(rounding.random((LAYERS, HEADS, TOKENS, CHANNELS), seed))
    return [row for some in blocks for row in rounding.rows(some)]


def main(given: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure one archive after another, then the errors, and publish the report."""
    arguments = parser("archive", __doc__ or "")
    words = sys.argv[1:] if given is None else list(given)
    options = arguments.parse_args(words)
    protocol = QUICK if options.quick else FULL
    threads = torch.get_num_threads(), faiss.omp_get_max_threads()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    generator = torch.Generator().manual_seed(options.seed)
    rows = []
    for hours in protocol.hours:
        searches = search(hours, protocol.repeats, generator)
        archive = build(Codec(), hours, protocol.held_bytes, generator)
        clock = measure(archive, protocol.repeats, generator)
        rows.append(row(hours, archive, clock, searches))
        del archive
    table = errors(protocol, options.seed)
    torch.set_num_threads(threads[0])
    faiss.omp_set_num_threads(threads[1])
    last = rows[-1]
    return publish(
        arguments,
        words,
        [*rows, *table],
        {
            "hours": last["hours"],
            "gather_gb_per_s": last["gather_gb_per_s"],
            "memcpy_gb_per_s": last["memcpy_gb_per_s"],
            "gather_over_memcpy": min(r["gather_over_memcpy"] for r in rows),
            "search_ms": last["search_fp32_ms"][0],
            "seal_ms": last["seal_ms"][0],
            "decode_ms": last["decode_ms"][0],
            "better_key_axis": rounding.better_axis(table, "key", 4),
            "better_value_axis": rounding.better_axis(table, "value", 4),
        },
    )


if __name__ == "__main__":
    main()
