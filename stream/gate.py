"""Leave out frames that show what was shown already, before anything costly looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from longwatch.types import Frame

COLUMNS, ROWS = 32, 18  # spots that are compared
FINE = 8  # samples of a spot, across and down, that are averaged


def block_means(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return a picture, (height, width, 3), as (ROWS, COLUMNS, 3) means of its parts, 0 to 255."""
    down, across = image.shape[0] // (ROWS * FINE), image.shape[1] // (COLUMNS * FINE)
    fine = np.ascontiguousarray(image[:: max(1, down), :: max(1, across)])
    return cv2.resize(fine, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class FrameSignature:
    """What the gate remembers of a frame."""

    time: float  # seconds on the stream's clock
    shape: tuple[int, ...]  # of the picture
    spots: NDArray[np.int16]  # see `spots`


@dataclass(frozen=True)
class Gate:
    """Tells whether a frame is a near-duplicate of the last frame that was kept.

    Both are shrunk to 32 x 18 spots. A frame is kept where one spot's red, green or blue changed by
    more than `change`, or all of them by more than a quarter of it on average, or the picture has
    another size, or the kept frame is `seconds` old. As the frame compared with is the last one
    kept, not the one before, changes too slow to see from frame to frame add up and are seen.

    Only the past is looked at, and the same frames always lead to the same choice. Who keeps the
    frame also keeps its `FrameSignature`.
    """

    change: float = 0.05  # of full scale, above 0 and at most 1
    seconds: float = 10.0  # of the stream's clock, from a kept frame to the next at the latest

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.change <= 1:
            raise ConfigError(
                f"the gate's change is a share of full scale, above 0 and at most 1, not "
                f"{self.change}; to let all frames pass, leave the gate off"
            )
        if not self.seconds > 0:
            raise ConfigError(f"gate seconds must be above 0, not {self.seconds}")

    def look(self, frame: Frame) -> FrameSignature:
        """Return what is to be remembered of `frame` if it is kept."""
        return FrameSignature(frame.time, frame.image.shape, block_means(frame.image))

    def repeats(self, now: FrameSignature, kept: FrameSignature | None) -> bool:
        """Tell whether a frame shows nothing new beside the last `kept` one, if there is one."""
        if kept is None or now.shape != kept.shape or now.time - kept.time >= self.seconds:
            return False
        difference = np.abs(now.spots - kept.spots)
        limit = self.change * 255
        return bool(difference.max() <= limit and difference.mean() <= limit / 4)
