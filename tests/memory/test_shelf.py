"""Blocks that leave an archive and come back, byte by byte."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.memory import Longwatch, Policy, ReKV
from longwatch.memory.archive import Archive
from longwatch.memory.memory import Memory
from longwatch.retrieval import RETRIEVERS, VectorIndex
from tests.memory.cases import BOUNDED
from tests.memory.tiny import decoder, frames, read_all

if TYPE_CHECKING:
    from longwatch.memory.sealed import Sealed
    from longwatch.models.decoder import Decoder

SEALING = [policy for policy in BOUNDED if policy.sealing is not None]


@pytest.fixture(scope="module")
def model() -> Decoder:
    return decoder()


def same(one: Sealed, other: Sealed) -> bool:
    columns = zip(
        (*one.vectors, one.rows, *map(torch.from_numpy, vars_of(one))),
        (*other.vectors, other.rows, *map(torch.from_numpy, vars_of(other))),
        strict=True,
    )
    return one[:2] == other[:2] and all(torch.equal(a, b) for a, b in columns)


def vars_of(block: Sealed) -> tuple[object, ...]:
    tokens = block.tokens
    return tokens.frame, tokens.time, tokens.place, tokens.span


def as_indexed(block: Sealed, archive: Archive) -> Sealed:
    """Return the block with its vectors as an index keeps them: some do so in fp16."""
    kept = []
    for vectors in block.vectors:
        index = RETRIEVERS[archive.sealing.retriever](vectors.shape[1])
        index.add([0], vectors[None])
        kept.append(index.vectors([0])[0][0] if isinstance(index, VectorIndex) else vectors)
    return block._replace(vectors=tuple(kept))


def watched(model: Decoder, policy: Policy, count: int) -> tuple[Memory, dict[int, Sealed]]:
    """Return a memory after `count` frames, and its live blocks as they were told."""
    live: dict[int, Sealed] = {}

    class Watcher:
        def told(self, what: Sealed | list[int]) -> None:
            if isinstance(what, list):
                for block in what:
                    del live[block]
            else:
                live[what.id] = what

        def commit(self, *_: object) -> None:
            pass

    memory = Memory(policy, model.rope)
    memory.keep(Watcher())
    read_all(model, memory, frames(count, 4))
    return memory, live


@pytest.mark.parametrize("policy", SEALING, ids=repr)
def test_an_archive_gives_back_what_it_was_given(model: Decoder, policy: Policy) -> None:
    memory, live = watched(model, policy, 40)
    assert memory.archive is not None
    assert live
    for block in live.values():
        assert same(memory.archive.stored(block.id), as_indexed(block, memory.archive))


@pytest.mark.parametrize("policy", SEALING, ids=repr)
def test_an_archive_made_of_stored_blocks_goes_on_like_the_first(
    model: Decoder, policy: Policy
) -> None:
    memory, live = watched(model, policy, 40)
    first = memory.archive
    if first is None or policy.sealing is None:
        pytest.fail("there is an archive")
    again = Archive(policy.sealing, first.scorer, first.shape, first.block_tokens)
    again.restore((live[block] for block in sorted(live)), first.bounds()[1])
    assert again.bounds() == first.bounds()
    assert again.tokens == first.tokens
    assert [count for count, _ in again.rungs()] == [count for count, _ in first.rungs()]
    second = Memory(policy, model.rope)
    state = memory.snapshot()
    second.restore(state.segments, state.frames_seen, state.tokens_seen, again)
    assert second.stats().newest_time == memory.stats().newest_time
    for each in (memory, second):
        read_all(model, each, frames(30, 4, seed=7), 40.0)
    assert again.bounds() == first.bounds()
    (firsts, end), views = first.bounds(), (memory.snapshot().view, second.snapshot().view)
    assert min(firsts) < end
    assert views[0] is not None
    assert views[1] is not None
    ids = views[0].allowed().nonzero()[0]
    assert ids.tolist() == views[1].allowed().nonzero()[0].tolist()
    assert all(same(first.stored(i), again.stored(i)) for i in ids.tolist())


@pytest.mark.parametrize("name", RETRIEVERS)
def test_any_index_can_be_filled_again(model: Decoder, name: str) -> None:
    class Other(ReKV):
        @property
        def sealing(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            return replace(super().sealing, retriever=name)

    memory, live = watched(model, Other(window_tokens=8), 20)
    first = memory.archive
    if first is None:
        pytest.fail("there is an archive")
    again = Archive(first.sealing, first.scorer, first.shape, first.block_tokens)
    again.restore([first.stored(block) for block in sorted(live)], first.bounds()[1])
    query = torch.randn(1, first.shape.heads * first.shape.width)
    assert again.index[1].search(query, 3) == first.index[1].search(query, 3)


def test_an_archive_without_blocks_goes_on_with_its_ids(model: Decoder) -> None:
    memory, _ = watched(model, Longwatch(window_tokens=4, sinks=0, block_tokens=4), 4)
    first = memory.archive
    if first is None:
        pytest.fail("there is an archive")
    again = Archive(first.sealing, first.scorer, first.shape, first.block_tokens)
    again.restore([], 9)
    assert again.view() is None
    assert again.bounds() == ([9] * 6, 9)
