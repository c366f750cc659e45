"""Rungs of one codec share an arena, which expects no more blocks than RAM may hold."""

from __future__ import annotations

import pytest
import torch

from longwatch.memory.arenas import arenas
from longwatch.memory.codec import Codec
from longwatch.memory.seal import Rung, Sealing
from longwatch.memory.sealed import Shape
from tests.memory.parts import D, H, frame

FINE, COARSE = Codec(8, 8), Codec(2, 2)
SHAPE = Shape.of(frame(0))


def size(codec: Codec) -> int:
    return SHAPE.layers * codec.row_bytes(H, D, 4)


def made(*rungs: Rung, limit: int | None = None) -> list[int]:
    """Return, for each rung, the bytes that its arena asks for first."""
    found = arenas(Sealing(4, rungs=rungs), SHAPE, (H, D, 4), limit)
    for arena in dict.fromkeys(found):
        arena.put(torch.zeros(SHAPE.layers, 1, arena.row_bytes, dtype=torch.uint8))
    return [arena.nbytes for arena in found]


def test_rungs_of_one_codec_share_an_arena() -> None:
    rungs = Rung(FINE), Rung(COARSE), Rung(FINE)
    first, second, third = arenas(Sealing(4, rungs=rungs), SHAPE, (H, D, 4), None)
    assert first is third
    assert first is not second
    assert [a.row_bytes for a in (first, second)] == [c.row_bytes(H, D, 4) for c in (FINE, COARSE)]


def test_it_has_room_for_the_blocks_of_all_its_rungs() -> None:
    rungs = Rung(FINE, 6 * size(FINE)), Rung(COARSE, 4 * size(COARSE)), Rung(FINE, 3 * size(FINE))
    fine, coarse = (5 + 2 + 2 + 2) * size(FINE), (3 + 2) * size(COARSE)
    assert made(*rungs) == [fine, coarse, fine]


@pytest.mark.parametrize("blocks", [1, 5])
def test_it_has_no_more_room_than_ram_may_hold(blocks: int) -> None:
    room = (blocks + 2) * size(FINE)
    assert made(Rung(FINE), limit=blocks * size(FINE)) == [room]
