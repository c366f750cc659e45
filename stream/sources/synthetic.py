"""Seeded streams with known contents: a source that needs no file, and whose truth is data."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from longwatch.errors import ConfigError
from longwatch.stream.sources import painting, pictograms
from longwatch.stream.sources.background import BackgroundSource, Pacer
from longwatch.stream.sources.world import World

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray


class SyntheticSource(BackgroundSource):
    """Pictograms that come and go on coloured backgrounds, as `world` says.

    What is seen at a moment depends on `seed` and the moment alone, not on `fps` or the size.
    `Truth(source.world, times)` gives questions about frames at `times`, and their answers.

    Args:
        seed: of the world.
        fps: frames a second.
        duration: seconds; None never ends.
        size: width and height.
        paced: hand frames on when they are due, as a live stream would, or as fast as it goes.
        speed: of a paced source.
        sprites: name -> (h, w, 4) uint8 premultiplied RGBA of what may appear; the pictograms that
            the package ships, if None.
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
        sprites: Mapping[str, NDArray[np.uint8]] | None = None,
    ) -> None:
        if not 0 < fps <= 1000:
            raise ConfigError(f"fps must be above 0 and at most 1000, not {fps}")
        if min(size) < 64:
            raise ConfigError(f"a scene needs at least 64x64 pixels, not {size[0]}x{size[1]}")
        self._sprites = sprites
        self.world = World(seed, pictograms.names() if sprites is None else tuple(sprites))
        super().__init__(pacer=Pacer(speed) if paced else None)
        self.seed, self.fps, self.duration, self.size = seed, fps, duration, size
        self._ground: tuple[int, NDArray[np.uint8]] | None = None  # its number, and the picture

    def pictures(self) -> Generator[tuple[float, NDArray[np.uint8]]]:  # noqa: D102
        for number in count():
            time = number / self.fps
            if self.duration is not None and time >= self.duration:
                return
            yield time, self.draw(time)

    def draw(self, time: float) -> NDArray[np.uint8]:
        """Return the picture at `time` (seconds), (height, width, 3) RGB."""
        number, colour = self.world.scenery(time)
        known = self._ground
        if known is None or known[0] != number:
            rng = np.random.default_rng([self.seed, number])
            kind = painting.GROUNDS[rng.integers(len(painting.GROUNDS))]
            known = self._ground = number, painting.background(colour, kind, self.size, rng)
        image = known[1].copy()
        narrow = min(1.0, self.size[0] / self.size[1])  # a tall picture has no room beside
        for event in self.world.visible(time):
            place = event.where(time)
            if place is not None:
                sprite = self._sprite(event.name)
                painting.paste(image, sprite, place, event.size * narrow)
        return image

    def _sprite(self, name: str) -> NDArray[np.uint8]:
        return pictograms.sprite(name) if self._sprites is None else self._sprites[name]
