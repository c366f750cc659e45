"""What one answer needs stays in RAM until it has read it, or is given up."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.arena import Arena
from longwatch.memory.tier import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longwatch.memory.need import Found, Need

ROWS = torch.arange(6 * 16, dtype=torch.uint8).reshape(2, 6, 8)  # of six blocks
IDS = np.arange(6)


class Slow:
    """A disk with all blocks, which brings them when it is told to."""

    def __init__(self, blocks: int) -> None:
        self.own = self.limit = blocks * 16
        self.end = 6
        self.jobs: list[tuple[Sequence[int], Callable[[Found], None]]] = []

    def fetch(self, ids: Sequence[int], done: Callable[[Found], None]) -> None:
        self.jobs.append((ids, done))

    def bring(self) -> None:
        for ids, done in self.jobs:
            done([(block, ROWS[:, block]) for block in ids])
        self.jobs.clear()


def tier_with(disk: Slow) -> Tier:
    tier = Tier([Arena(2, 8)], disk)
    tier.put(0, range(6), ROWS)
    tier.trim()
    return tier


def here(tier: Tier) -> list[int]:
    """Return the ids in RAM, whose rows must be right."""
    ids = IDS[tier.slots(IDS) >= 0]
    found = tier.arenas[0].read(torch.from_numpy(tier.slots(ids)))
    assert torch.equal(found, ROWS[:, ids])
    return [int(i) for i in ids]


def land(tier: Tier, found: Found) -> None:
    assert tier.land(found) == []


def begin(tier: Tier) -> Need:
    need = tier.need(partial(land, tier))
    assert need is not None
    return need


def test_what_was_missing_is_there_the_second_time_and_goes_once_it_was_read() -> None:
    disk, woken = Slow(2), list[int]()
    tier = tier_with(disk)
    assert here(tier) == [4, 5]
    need = begin(tier)
    assert need.at_hand(np.array([1, 4, 0])).tolist() == [4]
    assert not need.met()
    need.ask(lambda: woken.append(1))
    assert not need.ready
    disk.bring()
    assert (need.ready, woken, here(tier)) == (True, [1], [4, 5])
    need.land()
    tier.trim()
    assert here(tier) == [0, 1, 4]  # over the limit by what is needed
    assert need.at_hand(np.array([1, 4, 0])).tolist() == [1, 4, 0]
    assert need.met()
    assert len(here(tier)) == 2
    assert set(here(tier)) <= {0, 1, 4}  # the others were not recalled


def test_who_gives_up_or_is_forgotten_holds_nothing() -> None:
    disk = Slow(2)
    tier = tier_with(disk)
    for close in (True, False):
        need: Need | None = begin(tier)
        assert need is not None
        need.at_hand(IDS)
        need.ask(lambda: None)
        disk.bring()
        need.land()
        assert len(here(tier)) == 6
        if close:
            need.close()
        need = None
        tier.trim()
        assert len(here(tier)) == 2


def test_two_who_need_the_same_get_it_once() -> None:
    disk = Slow(1)
    tier = tier_with(disk)
    one, other = begin(tier), begin(tier)
    for need in (one, other):
        need.at_hand(np.array([0, 1]))
        need.ask(lambda: None)
    disk.bring()
    for need in (one, other):
        need.land()
    assert here(tier) == [0, 1, 5]
    assert tier.used_bytes == 3 * 16
    assert tier.away_bytes == [3 * 16]


def test_without_a_disk_nobody_needs_anything() -> None:
    tier = Tier([Arena(2, 8)], None)
    tier.put(0, range(6), ROWS)
    tier.trim()
    assert tier.need(partial(land, tier)) is None
    assert here(tier) == IDS.tolist()
