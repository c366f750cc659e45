"""The newest frames of a child process, in memory that both see. Neither waits for the other.

The writer goes round the slots; a reader that is too slow finds its frame overwritten and takes a
newer one. A slot's number is odd while it is written, so that a reader sees a torn frame for what
it is. The memory has no name, so nothing is left when both are gone, however they went.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

HEADER = struct.Struct("<QQQQQQd")  # Counts
PAGE = 4096  # of the header, and between slots
SLOT = struct.Struct("<QQIIdd")  # number, its frame, height, width, pts, arrived


class Counts(NamedTuple):
    """What a child has done so far."""

    packets: int = 0  # of video that were read
    decoded: int = 0  # good pictures
    rate: int = 0  # left out, as another picture had their time
    late: int = 0  # left out, as they came in a burst after a stall
    damaged: int = 0  # packets and pictures
    size: int = 0  # pictures that were too large
    last: float = 0.0  # `time.monotonic()` of the newest decoded picture


class Picture(NamedTuple):
    """One frame."""

    number: int  # from 1
    image: NDArray[np.uint8]  # (height, width, 3), RGB
    pts: float | None  # seconds on the source's clock
    arrived: float  # `time.monotonic()`


class FrameRing:
    """`slots` frames of up to `pixels`. Made by the parent; the child opens it by its `fd`."""

    def __init__(self, slots: int, pixels: int, fd: int | None = None) -> None:
        self.slots = slots
        self._stride = PAGE + -(-pixels * 3 // PAGE) * PAGE
        size = PAGE + slots * self._stride
        self.fd = _anonymous() if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, size)  # takes no memory before it is written to
        self._memory = mmap.mmap(self.fd, size)
        self._room = pixels * 3
        self._written = 0
        self._read = 0
        self.missed = 0
        """Frames that were overwritten before the reader came."""

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.fd)

    # The child's side

    def fits(self, height: int, width: int) -> bool:
        """Tell whether such a picture has room."""
        return 0 < height * width * 3 <= self._room

    def put(self, image: NDArray[np.uint8], pts: float | None, arrived: float) -> None:
        """Write a frame that fits over the oldest one."""
        self._written += 1
        at = self._at(self._written)
        height, width = image.shape[:2]
        head = (self._written, height, width, math.nan if pts is None else pts, arrived)
        SLOT.pack_into(self._memory, at, 2 * self._written - 1, *head)
        room = np.frombuffer(self._memory, np.uint8, image.size, at + PAGE)
        room[:] = image.reshape(-1)
        SLOT.pack_into(self._memory, at, 2 * self._written, *head)

    def tell(self, counts: Counts) -> None:
        """Write down what was done."""
        HEADER.pack_into(self._memory, 0, *counts)

    # The parent's side

    def counts(self) -> Counts:
        """Return what the child has done."""
        return Counts(*HEADER.unpack_from(self._memory))

    def take(self) -> Iterator[Picture]:
        """Yield the frames that are there and were not taken yet, oldest first, as copies."""
        heads = (SLOT.unpack_from(self._memory, PAGE + i * self._stride) for i in range(self.slots))
        fresh = sorted(head[1] for head in heads if head[1] > self._read)
        for number in fresh:
            at = self._at(number)
            before, found, height, width, pts, arrived = SLOT.unpack_from(self._memory, at)
            if found != number or before % 2 or not self.fits(height, width):
                continue
            pixels = np.frombuffer(self._memory, np.uint8, height * width * 3, at + PAGE).copy()
            if SLOT.unpack_from(self._memory, at)[0] != before:
                continue  # overwritten meanwhile; the newer one is taken next
            self.missed += number - self._read - 1
            self._read = number
            time = None if math.isnan(pts) else pts
            yield Picture(number, pixels.reshape(height, width, 3), time, arrived)

    def _at(self, number: int) -> int:
        return PAGE + (number % self.slots) * self._stride


def _anonymous() -> int:
    """Return the descriptor of a file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("longwatch-frames", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
