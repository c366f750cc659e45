"""Seeded scenes with known contents: a source that needs no file, and whose truth is data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from longwatch.errors import ConfigError
from longwatch.stream.background import BackgroundSource
from longwatch.stream.clock import Pacer

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

SHAPES = ("circle", "square", "triangle")
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 170, 60),
    "blue": (50, 80, 220),
    "yellow": (240, 210, 40),
    "purple": (150, 60, 180),
    "white": (245, 245, 245),
}
GROUNDS = ((70, 70, 75), (95, 85, 70), (60, 80, 85))
ACT = 8.0  # seconds; each act has its own shapes, all of which leave before it ends
MOST = 3  # shapes in an act


@dataclass(frozen=True, slots=True)
class Event:
    """One shape that enters the picture, moves in a straight line, and leaves.

    Places are fractions of the picture's width and height, from the top left, of the centre.
    """

    colour: str
    shape: str
    start: float  # seconds; it is in the picture from here on
    end: float  # seconds; and not any more from here on
    enters: tuple[float, float]  # x, y
    leaves: tuple[float, float]

    @property
    def what(self) -> str:
        """Its name, such as `red circle`."""
        return f"{self.colour} {self.shape}"

    def where(self, time: float) -> tuple[float, float] | None:
        """Return its (x, y) at `time`, or None when it is not in the picture."""
        if not self.start <= time < self.end:
            return None
        done = (time - self.start) / (self.end - self.start)
        (x0, y0), (x1, y1) = self.enters, self.leaves
        return x0 + (x1 - x0) * done, y0 + (y1 - y0) * done


class SyntheticSource(BackgroundSource):
    """Coloured shapes that come and go, over a counter of tenths of seconds.

    What is seen at a moment depends on `seed` and the moment alone, not on `fps` or the size.

    Args:
        seed: of the scene.
        fps: frames a second.
        duration: seconds; None never ends.
        size: width and height.
        paced: hand frames on when they are due, as a live stream would, or as fast as it goes.
        speed: of a paced source.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        fps: float = 10.0,
        duration: float | None = None,
        size: tuple[int, int] = (320, 240),
        paced: bool = False,
        speed: float = 1.0,
    ) -> None:
        if seed < 0:
            raise ConfigError(f"a seed must be 0 or more, not {seed}")
        if not 0 < fps <= 1000:
            raise ConfigError(f"fps must be above 0 and at most 1000, not {fps}")
        if min(size) < 64:
            raise ConfigError(f"a scene needs at least 64x64 pixels, not {size[0]}x{size[1]}")
        super().__init__(pacer=Pacer(speed) if paced else None)
        self.seed, self.fps, self.duration, self.size = seed, fps, duration, size

    def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:  # noqa: D102
        for number in count():
            time = number / self.fps
            if self.duration is not None and time >= self.duration:
                return
            yield time, self.draw(time)

    def act(self, number: int) -> list[Event]:
        """Return the events between `number` times ACT seconds and the next act."""
        rng = np.random.default_rng([self.seed, number])
        shapes = int(rng.integers(1, MOST + 1))
        names = rng.choice(len(COLOURS) * len(SHAPES), size=shapes, replace=False)
        return [_event(rng, int(name), lane, shapes, number) for lane, name in enumerate(names)]

    def events(self, until: float) -> list[Event]:
        """Return all events that start before `until` seconds, in order of their start."""
        acts = int(max(0.0, until) // ACT) + 1
        known = [e for number in range(acts) for e in self.act(number) if e.start < until]
        return sorted(known, key=lambda event: event.start)

    def visible(self, time: float) -> list[Event]:
        """Return the events that are in the picture at `time`."""
        return [e for e in self.act(int(time // ACT)) if e.where(time) is not None]

    def draw(self, time: float) -> NDArray[np.uint8]:
        """Return the picture at `time`, (height, width, 3) RGB."""
        width, height = self.size
        image = Image.new("RGB", (width, height), GROUNDS[self.seed % len(GROUNDS)])
        pen = ImageDraw.Draw(image)
        for event in self.visible(time):
            place = event.where(time)
            if place is not None:
                _draw(pen, event, (place[0] * width, place[1] * height), min(height, width) / 12)
        pen.text((4, height - 16), f"{time + 1e-6:.1f}", (255, 255, 255))
        return np.asarray(image)


def _event(rng: np.random.Generator, name: int, lane: int, lanes: int, act: int) -> Event:
    """Return a shape that crosses the picture in a lane of its own."""
    start = act * ACT + float(rng.uniform(0.0, 0.4 * ACT))
    end = start + float(rng.uniform(0.3, 0.55)) * ACT
    height = 0.1 + 0.7 * (lane + float(rng.uniform(0.3, 0.7))) / lanes
    left, right = (0.08, height), (0.92, height)
    rightward = bool(rng.integers(2))
    colour, shape = list(COLOURS)[name % len(COLOURS)], SHAPES[name // len(COLOURS)]
    enters, leaves = (left, right) if rightward else (right, left)
    return Event(colour, shape, start, end, enters, leaves)


def _draw(pen: ImageDraw.ImageDraw, event: Event, at: tuple[float, float], radius: float) -> None:
    """Draw a shape; `at` is its centre (x, y), which like `radius` is in pixels."""
    (x, y), colour = at, COLOURS[event.colour]
    box = (x - radius, y - radius, x + radius, y + radius)
    if event.shape == "circle":
        pen.ellipse(box, colour)
    elif event.shape == "square":
        pen.rectangle(box, colour)
    else:
        pen.polygon([(x, box[1]), (box[0], box[3]), (box[2], box[3])], colour)
