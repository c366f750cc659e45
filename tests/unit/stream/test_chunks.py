"""Undecoded chunks: bounded in bytes, cut into epochs."""

from __future__ import annotations

import pytest

from longwatch.errors import SourceError
from longwatch.stream.chunks import Chunk, ChunkQueue, EpochReader


def chunk(payload: bytes, *, epoch: bool = False, discontinuity: bool = False) -> Chunk:
    return Chunk(payload, None, 0.0, epoch=epoch, discontinuity=discontinuity)


def filled(*chunks: Chunk) -> ChunkQueue:
    queue = ChunkQueue(1 << 20)
    for one in chunks:
        assert queue.put(one)
    queue.close()
    return queue


def payloads(epochs: EpochReader) -> bytes:
    return b"".join(c.payload for c in iter(epochs.next, None))


@pytest.mark.parametrize("size", [0, 1, 1000, 5000])
def test_the_queue_never_holds_more_than_its_bytes_however_small_the_chunks(size: int) -> None:
    queue, one = ChunkQueue(10_000), chunk(b"x" * size)
    count = sum(queue.put(one) for _ in range(100))
    assert 1 <= count == 10_000 // one.cost < 100
    assert queue.get() is not None
    assert queue.put(one)
    assert not queue.put(one)


def test_an_empty_queue_takes_any_chunk() -> None:
    queue = ChunkQueue(10)
    assert queue.put(chunk(b"x" * 11))
    assert not queue.put(chunk(b""))


def test_a_closed_queue_gives_what_it_holds_unless_told_to_drop_it() -> None:
    queue = filled(chunk(b"a"), chunk(b"b"))
    assert not queue.put(chunk(b"c"))
    assert queue.get() is not None
    queue.close(drop=True)
    assert queue.get() is None


def test_silence_is_told_from_the_end() -> None:
    queue = ChunkQueue(10)
    with pytest.raises(TimeoutError):
        queue.get(0.0)
    queue.close()
    assert queue.get(0.0) is None


def test_each_epoch_ends_where_the_next_begins() -> None:
    parts = [chunk(b"a"), chunk(b"b"), chunk(b"c", epoch=True), chunk(b"d", epoch=True)]
    breaks, read = list[int](), list[bytes]()
    epochs = EpochReader(filled(*parts), lambda: breaks.append(1))
    while epochs.begin(lambda _: True, lambda: None):
        read.append(payloads(epochs))
        assert epochs.next() is None  # however often it is asked
    assert read == [b"ab", b"c", b"d"]
    assert len(breaks) == 3


def test_what_cannot_begin_an_epoch_is_skipped() -> None:
    skipped = list[int]()
    epochs = EpochReader(filled(chunk(b"a"), chunk(b"b"), chunk(b"c", epoch=True)), lambda: None)
    assert epochs.begin(lambda _: False, lambda: skipped.append(1))
    assert payloads(epochs) == b"c"
    assert len(skipped) == 2


def test_a_discontinuity_is_told_and_does_not_end_the_epoch() -> None:
    breaks = list[int]()
    queue = filled(chunk(b"a"), chunk(b"b", discontinuity=True))
    epochs = EpochReader(queue, lambda: breaks.append(1))
    assert epochs.begin(lambda _: True, lambda: None)
    assert payloads(epochs) == b"ab"
    assert len(breaks) == 2


def test_silence_in_an_epoch_is_a_stall() -> None:
    queue = ChunkQueue(10)
    queue.put(chunk(b"a"))
    epochs = EpochReader(queue, lambda: None)
    assert epochs.begin(lambda _: True, lambda: None)
    assert epochs.next(0.01) is not None
    with pytest.raises(SourceError) as caught:
        epochs.next(0.01)
    assert caught.value.code == "source_stalled"
