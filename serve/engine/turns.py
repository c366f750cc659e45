"""Whose answer goes on next: keys take turns, and so do the streams that a key asks about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Owner(NamedTuple):
    """Who asks, and about what."""

    key: str
    stream: str


class Turns:
    """Keeps accounts of what each key, and each stream of a key, was given.

    While more want a turn than can have one, those who were given least go first, so that every
    key gets the same as every other one that wants it, and every stream the same as the key's
    others, however many questions each has. Who was away begins level with those who were given
    least: nobody saves up. When all can have a turn, the accounts are closed.
    """

    def __init__(self) -> None:
        self._given: dict[tuple[str, ...], float] = {}

    def pick(self, owners: Sequence[Owner], costs: Sequence[float], most: int) -> list[int]:
        """Return which of those who wait have a turn, `most` at most, by their places.

        Of one owner the first goes first. `costs` says what a turn of each takes, in any unit.
        """
        if len(owners) <= most:
            self._given.clear()
            return list(range(len(owners)))
        self._open(owners)
        queues: dict[Owner, list[int]] = {}
        for place, owner in enumerate(owners):
            queues.setdefault(owner, []).append(place)
        picked: list[int] = []
        while len(picked) < most:
            owner = min(queues, key=lambda o: (self._given[o[:1]], self._given[o], queues[o][0]))
            place = queues[owner].pop(0)
            if not queues[owner]:
                del queues[owner]
            self._given[owner[:1]] += costs[place]
            self._given[owner] += costs[place]
            picked.append(place)
        return picked

    def _open(self, owners: Sequence[Owner]) -> None:
        """Forget who no longer waits, and let newcomers begin level."""
        known = self._given
        self._given = {}
        for depth in (1, 2):
            groups = dict.fromkeys(owner[:depth] for owner in owners)
            for group in groups:
                level = [known[o] for o in groups if o in known and o[:-1] == group[:-1]]
                self._given[group] = known.get(group, min(level, default=0.0))
