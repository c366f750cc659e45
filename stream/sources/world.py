"""An endless world of named things that come and go, any moment of it from a seed alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from random import Random
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLOURS = (
    "black",
    "white",
    "grey",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
)
ACT = 16  # seconds; whatever enters in an act leaves in it
SCENE = 40  # seconds; a scene has two backgrounds
MOST = 3  # things in the picture at once
SHORTEST, LONGEST = 2, 12  # seconds that a thing stays
SIZES = {1: (0.32, 0.06), 2: (0.4, 0.2), 3: (0.45, 0.3)}  # by how many lanes the next thing is away
KEPT = 512  # acts that a world remembers


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that enters the picture, rests or moves in a straight line, and leaves.

    Places are those of its centre, as fractions of the picture's width and height from the top
    left. `size` is its height as a fraction of the picture's height.
    """

    name: str
    start: float  # seconds; it is in the picture from here on
    end: float  # seconds; and not any more from here on
    enters: tuple[float, float]  # x, y
    leaves: tuple[float, float]
    size: float

    def where(self, time: float) -> tuple[float, float] | None:
        """Return its (x, y) at `time`, or None when it is not in the picture."""
        if not self.start <= time < self.end:
            return None
        done = (time - self.start) / (self.end - self.start)
        (x0, y0), (x1, y1) = self.enters, self.leaves
        return x0 + (x1 - x0) * done, y0 + (y1 - y0) * done


class World:
    """Things out of a pool that the seed draws, at most three at once, on plain backgrounds.

    Everything changes half-way between whole seconds, and no two things enter in the same second,
    so that frames at whole seconds show no ties. What is seen at a moment depends on `seed`,
    `names` and `pool` alone.

    Args:
        seed: of the world, 0 or more.
        names: what things are called; none twice.
        pool: how many of them this world uses; drawn by the seed, 4 to 40, if None.

    Raises:
        ConfigError: the seed is negative, or there are too few names.
    """

    def __init__(self, seed: int, names: Sequence[str], *, pool: int | None = None) -> None:
        if seed < 0:
            raise ConfigError(f"a seed must be 0 or more, not {seed}")
        rng = Random(f"world {seed}")
        drawn = min(len(names), 4 + int(37 * rng.random() ** 1.5))
        size = drawn if pool is None else pool
        if not MOST < size <= len(names):
            raise ConfigError(
                f"a world needs {MOST + 1} to {len(names)} of the {len(names)} names, not {size};"
                " set `pool` to so many or give it more names"
            )
        self.seed = seed
        self.known = tuple(names)  # all names; `names` are those of this world
        self.names = tuple(rng.sample(names, size))
        self.interval = 3.2 * 5.0 ** rng.random()  # seconds between entries, about
        self.shift = int(ACT * rng.random())  # seconds of the first act that lie before time 0
        self._scene = int(SCENE * rng.random())
        self._scenes: dict[int, tuple[str, str, int]] = {}
        self._acts: dict[int, tuple[Event, ...]] = {}

    def events(self, until: float) -> list[Event]:
        """Return all events that start before `until` seconds, in order of their start."""
        acts = range(self._act_at(max(0.0, until)) + 1)
        return [event for act in acts for event in self.act(act) if event.start < until]

    def visible(self, time: float) -> list[Event]:
        """Return the events that are in the picture at `time`, in order of their start."""
        if time < 0:
            return []
        return [e for e in self.act(self._act_at(time)) if e.start <= time < e.end]

    def during(self, times: Iterable[float]) -> list[Event]:
        """Return the events of the acts that `times` (sorted, seconds) fall into, in order."""
        acts = dict.fromkeys(self._act_at(time) for time in times)
        return [event for act in acts for event in self.act(act)]

    def background(self, time: float) -> str:
        """Return the word for the background's colour at `time`."""
        return self.scenery(time)[1]

    def scenery(self, time: float) -> tuple[int, str]:
        """Return the number, 0 or more, and the colour word of the background at `time`."""
        scene, second = divmod(floor(time + 0.5) + self._scene, SCENE)
        known = self._scenes.get(scene)
        if known is None:
            if len(self._scenes) >= KEPT:
                self._scenes.clear()
            rng = Random(f"scene {self.seed} {scene}")
            early, late = rng.sample(COLOURS, 2)
            known = self._scenes[scene] = (early, late, 5 + int(30 * rng.random()))
        one, other, change = known
        return (2 * scene, one) if second < change else (2 * scene + 1, other)

    def act(self, number: int) -> tuple[Event, ...]:
        """Return the events of an act, in order of their start; none of them outlasts it."""
        known = self._acts.get(number)
        if known is None:
            if len(self._acts) >= KEPT:
                self._acts.clear()
            known = self._acts[number] = self._play(number)
        return known

    def _act_at(self, time: float) -> int:
        return (floor(time + 0.5) + self.shift) // ACT

    def _play(self, number: int) -> tuple[Event, ...]:
        rng = Random(f"act {self.seed} {number}")
        begins = number * ACT - self.shift - 0.5
        stays = _cast(rng, self.interval)
        lanes = _lanes(rng, stays)
        across = rng.random() < 0.5
        events: list[Event] = []
        for (start, end), lane in zip(stays, lanes, strict=True):
            recent = {e.name for e in events if e.end > begins + start - 2}
            names = [name for name in self.names if name not in recent]
            near = _nearest(stays, lanes, (start, end), lane)
            if names:
                span = (begins + start, begins + end)
                events.append(_event(rng, names, span, (lane, near), across=across))
        return tuple(_from_zero(events)) if begins < 0 else tuple(events)


def _cast(rng: Random, interval: float) -> list[tuple[int, int]]:
    """Return when things stay, (first, end) in seconds of the act, no two with the same first."""
    stays: list[tuple[int, int]] = []
    rate = 5.0 / interval
    longest = min(LONGEST, 4 + interval)
    for second in range(ACT - SHORTEST + 1):
        others = sum(end > second for _, end in stays)
        chance = (0.52, 0.22, 0.14, 0.0)[others] * rate
        if second == 0:
            chance = min(0.85, 0.3 + 0.5 * rate)
        if rng.random() < chance:
            stay = SHORTEST + int((longest - SHORTEST + 1) * rng.random())
            stays.append((second, min(ACT, second + stay)))
    return stays


def _lanes(rng: Random, stays: list[tuple[int, int]]) -> list[int]:
    """Return a lane, 0 to 2, for each stay; things that are there together have different ones."""
    lanes: list[int] = []
    for start, _ in stays:
        taken = {
            lane for lane, (_, end) in zip(lanes, stays[: len(lanes)], strict=True) if end > start
        }
        free = [lane for lane in range(MOST) if lane not in taken]
        lanes.append(free[int(rng.random() * len(free))])
    return lanes


def _nearest(
    stays: list[tuple[int, int]], lanes: list[int], stay: tuple[int, int], lane: int
) -> int:
    """Return how many lanes the nearest thing is away that shares time with `stay`; 3 if none."""
    gaps = [
        abs(other - lane)
        for (start, end), other in zip(stays, lanes, strict=True)
        if start < stay[1] and stay[0] < end and (start, end) != stay
    ]
    return min(gaps, default=MOST)


def _event(
    rng: Random,
    names: list[str],
    span: tuple[float, float],
    lane_near: tuple[int, int],
    *,
    across: bool,
) -> Event:
    """Return a thing in its lane, a row if `across`, as large as its neighbours allow."""
    lane, near = lane_near
    name = names[int(rng.random() * len(names))]
    if near == MOST and rng.random() < 0.5:
        return Event(name, *span, (0.5, 0.5), (0.5, 0.5), 0.95)
    least, more = SIZES[near]
    size = least + more * rng.random()
    side = (lane + 0.5) / 3 + (rng.random() - 0.5) * 0.1
    one = int(rng.random() * 3)
    other = int(rng.random() * 3) if rng.random() < 0.4 else one
    jitter = (rng.random() - 0.5) * 0.14
    along = [(cell + 0.5) / 3 + jitter for cell in (one, other)]
    edge = 0.47 * size
    side, start, end = (min(max(at, edge), 1 - edge) for at in (side, *along))
    if across:
        return Event(name, *span, (start, side), (end, side), size)
    return Event(name, *span, (side, start), (side, end), size)


def _from_zero(events: list[Event]) -> list[Event]:
    """Return what is seen of `events` from time 0 on, of which only one is there at once."""
    early = [event for event in events if event.start < 0 < event.end]
    late = [event for event in events if event.start >= 0]
    for event in early[-1:]:
        at = event.where(0.0) or event.enters
        late.insert(0, Event(event.name, 0.0, event.end, at, event.leaves, event.size))
    return late
