"""Slots hold what was put there until they are freed, whichever slab they lie in."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longwatch.memory.arena import Arena

LAYERS, BYTES = 3, 16
SLOT = LAYERS * BYTES

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5)),
        st.tuples(st.just("free"), st.integers(0, 5)),
        st.tuples(st.just("gather"), st.integers(0, 20)),
    ),
    max_size=30,
)


def some(count: int, generator: torch.Generator | None = None) -> torch.Tensor:
    shape = LAYERS, count, BYTES
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@settings(deadline=None)
@given(acts=ACTS, slab=st.sampled_from((1, 2 * SLOT, 7 * SLOT)), seed=st.integers(0, 2**31))
def test_an_arena_holds_what_a_dictionary_would(
    acts: list[tuple[str, int]], slab: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    arena, oracle = Arena(LAYERS, BYTES, slab_bytes=slab), dict[int, torch.Tensor]()

    def pick(count: int) -> torch.Tensor:
        known = torch.tensor(sorted(oracle), dtype=torch.int64)
        return known[torch.randperm(len(known), generator=generator)[:count]]

    for act, count in acts:
        if act == "put":
            rows = some(count, generator)
            slots = arena.put(rows)
            assert slots.dtype == torch.int64
            assert not set(slots.tolist()) & set(oracle)
            oracle.update(zip(slots.tolist(), rows.unbind(1), strict=True))
        elif act == "free":
            slots = pick(count)
            arena.free(slots)
            for slot in slots.tolist():
                del oracle[slot]
        elif oracle:
            slots = torch.tensor(sorted(oracle))
            slots = slots[torch.randint(0, len(slots), (count,), generator=generator)]
            expected = [oracle[slot] for slot in slots.tolist()]
            rows = torch.stack([torch.empty(LAYERS, BYTES, dtype=torch.uint8), *expected], 1)[:, 1:]
            assert torch.equal(arena.read(slots), rows)
            for layer in range(LAYERS):
                assert torch.equal(arena.gather(layer, slots), rows[layer])
        assert len(arena) == len(oracle)
        assert arena.used_bytes == len(oracle) * SLOT <= arena.nbytes


def test_freed_slots_are_used_before_memory_is_asked_for() -> None:
    arena = Arena(LAYERS, BYTES, slab_bytes=4 * SLOT)
    slots = arena.put(some(4))
    held = arena.nbytes
    for _ in range(20):
        arena.free(slots[1:3])
        slots[1:3] = arena.put(some(2))
    assert arena.nbytes == held == 4 * SLOT
    arena.put(some(1))
    assert arena.nbytes == 8 * SLOT


def test_slabs_stay_few_and_room_is_not_wasted() -> None:
    arena = Arena(LAYERS, BYTES, slab_bytes=4 * SLOT)
    sizes = []
    for _ in range(1000):
        arena.put(some(1))
        sizes.append(arena.nbytes)
        assert arena.nbytes - arena.used_bytes <= max(4 * SLOT, arena.nbytes / 3)
    assert len(set(sizes)) < 20


def test_a_row_larger_than_a_slab_has_a_slab_of_its_own() -> None:
    arena = Arena(LAYERS, BYTES, slab_bytes=1)
    rows = some(1)
    assert torch.equal(arena.read(arena.put(rows)), rows)
    assert arena.nbytes == SLOT


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 0, 3, 1, 1]])
def test_rows_are_gathered_into_what_is_given(order: list[int]) -> None:
    arena = Arena(LAYERS, BYTES, slab_bytes=2 * SLOT)
    rows = some(5)
    slots = arena.put(rows[:, :3]).tolist() + arena.put(rows[:, 3:]).tolist()
    out = torch.zeros(5, BYTES, dtype=torch.uint8)
    found = arena.gather(1, torch.tensor(slots)[order], out)
    assert found is out
    assert torch.equal(out, rows[1][order])


def test_what_was_gathered_is_a_copy() -> None:
    arena = Arena(LAYERS, BYTES)
    rows = some(2)
    slots = arena.put(rows)
    found = arena.gather(0, slots)
    arena.free(slots)
    arena.put(some(2))
    assert torch.equal(found, rows[0])


def test_slots_that_hold_nothing_are_refused() -> None:
    arena = Arena(LAYERS, BYTES)
    slots = arena.put(some(3))
    arena.free(slots[:1])
    for wrong in (slots[:1], torch.tensor([-1]), torch.tensor([1 << 40]), torch.tensor([3])):
        with pytest.raises(ValueError, match="slots"):
            arena.gather(0, wrong)
        with pytest.raises(ValueError, match="slots"):
            arena.free(wrong)
    with pytest.raises(ValueError, match="twice"):
        arena.free(slots[[1, 1]])
    assert len(arena) == 2


@pytest.mark.parametrize(
    "rows", [torch.zeros(2, 1, BYTES), torch.zeros(LAYERS, 1, 8), torch.zeros(LAYERS, 1, BYTES)]
)
def test_rows_of_another_shape_are_refused(rows: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="rows"):
        Arena(LAYERS, BYTES).put(rows)


@pytest.mark.parametrize("sizes", [(0, 8, 8), (1, 0, 8), (1, 8, 0), (1, 12, 8)])
def test_impossible_sizes_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Arena(sizes[0], sizes[1], slab_bytes=sizes[2])


@pytest.mark.skipif(torch.cuda.is_available(), reason="pins where there is a GPU")
def test_nothing_is_pinned_without_a_gpu() -> None:
    arena = Arena(LAYERS, BYTES, pinned=True)
    rows = some(1)
    assert torch.equal(arena.read(arena.put(rows)), rows)
    assert not arena.pinned


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_rows_come_back_from_the_device_and_from_pinned_memory(device: str) -> None:
    arena = Arena(LAYERS, BYTES, device=device, slab_bytes=2 * SLOT, pinned=True)
    rows = some(5)
    slots = torch.cat([arena.put(rows[:, :3].cuda()), arena.put(rows[:, 3:])])
    assert arena.pinned == arena.gather(0, slots).is_pinned() == (device == "cpu")
    order = torch.tensor([4, 0, 3, 1, 1])
    assert torch.equal(arena.read(slots[order]).cpu(), rows[:, order])


@given(most=st.integers(1, 200), slab=st.sampled_from((1, 3 * SLOT, 64 * SLOT)))
@settings(deadline=None, max_examples=30)
def test_an_arena_that_knows_how_much_will_come_has_room_for_that(most: int, slab: int) -> None:
    """And no more, until more does come: then a sixteenth of it, so slabs stay few."""
    arena = Arena(LAYERS, BYTES, slab_bytes=slab, most=most)
    for _ in range(most):
        arena.put(some(1))
        assert arena.nbytes <= most * SLOT
    assert arena.nbytes == most * SLOT
    for i in range(1, most + 1):
        arena.put(some(1))
        assert arena.nbytes <= (most + i) * 17 * SLOT // 16
