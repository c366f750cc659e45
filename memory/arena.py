"""Rows of bytes in a few large slabs: blocks come and go, and memory is asked for rarely."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

WORD = torch.int64  # rows are moved as these: torch moves scattered ones number by number
GROWTH = 2  # a new slab has at least this part of all bytes before it, so slabs stay few
BEYOND = 16  # and this part of them where more slots are needed than were expected

PIECE = 64  # slots that are copied at once


class Arena:
    """A row of every layer for each slot, in slabs of (layers, slots, row_bytes) uint8.

    One thread writes. Others may gather at the same time, as long as nobody frees what they read:
    a slab, once there, never moves. Slots that were freed are given out again, latest first;
    slabs are kept until the arena goes.
    """

    def __init__(
        self,
        layers: int,
        row_bytes: int,
        *,
        device: torch.device | str = "cpu",
        slab_bytes: int = 8 << 20,  # of the first slab; one slot if that is larger
        pinned: bool = False,  # page-locked, where there is a GPU to copy to
        most: int | None = None,  # slots that are expected; more are given out, but few at a time
    ) -> None:
        if min(layers, row_bytes, slab_bytes) < 1 or row_bytes % WORD.itemsize:
            raise ValueError(
                f"layers ({layers}), row bytes ({row_bytes}) and slab bytes ({slab_bytes}) must be "
                f"at least 1, and row bytes a multiple of {WORD.itemsize}"
            )
        self.layers = layers
        self.row_bytes = row_bytes
        self.device = torch.device(device)
        self.pinned = pinned and self.device.type == "cpu" and torch.cuda.is_available()
        self.slab_bytes = slab_bytes
        self._most = most
        self._slabs: list[Tensor] = []  # (layers, slots, words a row)
        self._starts = np.zeros(1, dtype=np.int64)  # (slabs + 1,) first slot of each, and the end
        self._freed: list[int] = []
        self._used = np.zeros(0, dtype=np.bool_)  # (slots,)
        self._fresh = 0  # slots from here on were never used

    @property
    def nbytes(self) -> int:
        """Bytes of all slabs."""
        return sum(slab.nbytes for slab in self._slabs)

    @property
    def used_bytes(self) -> int:
        """Bytes of the slots that hold a row."""
        return len(self) * self.layers * self.row_bytes

    def __len__(self) -> int:
        """Return how many slots hold a row."""
        return self._fresh - len(self._freed)

    def put(self, rows: Tensor) -> Tensor:
        """Store `rows`, (L, b, row_bytes) uint8 on any device; return (b,) int64 slots, on the CPU.

        If memory runs out, nothing is stored and the error of torch comes through.
        """
        if rows.shape[::2] != (self.layers, self.row_bytes) or rows.dtype != torch.uint8:
            raise ValueError(
                f"rows must be ({self.layers}, b, {self.row_bytes}) uint8, "
                f"not {tuple(rows.shape)} {rows.dtype}"
            )
        count = rows.shape[1]
        again = min(count, len(self._freed))
        self._reserve(self._fresh + count - again)
        first = len(self._freed) - again
        fresh = range(self._fresh, self._fresh + count - again)
        slots = torch.tensor([*self._freed[first:], *fresh], dtype=torch.int64)
        rows = rows.to(self.device)
        order, runs = self._runs(slots)
        if order is not None:
            rows = rows[:, order]
        for part, (slab, at) in zip(rows.split([len(at) for _, at in runs], 1), runs, strict=True):
            slab.index_copy_(1, at, part.contiguous().view(WORD))
        del self._freed[first:]
        self._fresh += len(fresh)
        self._used[slots.numpy()] = True
        return slots

    def gather(self, layer: int, slots: Tensor, out: Tensor | None = None) -> Tensor:
        """Return one layer's rows, (k, row_bytes), of (k,) int64 `slots`, in their order.

        They are written to `out` if it is given: contiguous, on the arena's device.
        """
        self._check(slots)
        if out is None:
            out = torch.empty(
                len(slots),
                self.row_bytes,
                dtype=torch.uint8,
                device=self.device,
                pin_memory=self.pinned,
            )
        words = out.view(WORD)
        order, runs = self._runs(slots)
        found = words if order is None else torch.empty_like(words)
        for part, (slab, at) in zip(found.split([len(at) for _, at in runs]), runs, strict=True):
            torch.index_select(slab[layer], 0, at, out=part)
        if order is not None:
            torch.index_select(found, 0, order.argsort(), out=words)
        return out

    def read(self, slots: Tensor) -> Tensor:
        """Return all layers' rows, (L, k, row_bytes), of (k,) int64 `slots`, in their order."""
        shape = self.layers, len(slots), self.row_bytes
        out = torch.empty(shape, dtype=torch.uint8, device=self.device, pin_memory=self.pinned)
        for layer in range(self.layers):
            self.gather(layer, slots, out[layer])
        return out

    def packed(self, slots: Tensor) -> tuple[Arena, Tensor]:
        """Return a new arena with the rows of these (k,) slots alone, and their slots there."""
        arena = Arena(
            self.layers,
            self.row_bytes,
            device=self.device,
            slab_bytes=self.slab_bytes,
            pinned=self.pinned,
            most=self._most,
        )
        found = [arena.put(self.read(some)) for some in slots.split(PIECE)]
        return arena, torch.cat([slots[:0], *found])

    def free(self, slots: Tensor) -> None:
        """Give back (k,) int64 `slots`, each once; what they held is lost."""
        self._check(slots)
        if len(slots.unique()) < len(slots):
            raise ValueError("a slot was given back twice in one call")
        self._used[slots.numpy()] = False
        self._freed.extend(slots.tolist())

    def _check(self, slots: Tensor) -> None:
        at = slots.numpy()
        # As numbers without a sign, those below zero are the largest.
        if len(at) and at.view(np.uint64).max() >= len(self._used):
            raise ValueError(f"slots are from 0 to {len(self._used) - 1}: {slots.tolist()}")
        if not self._used[at].all():
            empty = at[~self._used[at]].tolist()
            raise ValueError(f"slots {empty} hold nothing: they were freed, or never given out")

    def _runs(self, slots: Tensor) -> tuple[Tensor | None, list[tuple[Tensor, Tensor]]]:
        """Return stretches of `slots` that lie in one slab: the slab, and which of its rows.

        First comes the order in which to take `slots` for that. It is None, and a copy is saved, if
        the stretches are few as they stand, which those of blocks in time order mostly are.
        """
        if len(self._slabs) == 1:
            return None, [(self._slabs[0], slots.to(self.device))]
        at, order = slots.numpy(), None
        slabs = self._starts[1:].searchsorted(at, side="right")
        first = _changes(slabs)
        if len(first) > 2 * len(self._slabs):
            by_slab = slabs.argsort(kind="stable")
            at, slabs = at[by_slab], slabs[by_slab]
            first = _changes(slabs)
            order = torch.from_numpy(by_slab).to(self.device)
        inside = torch.from_numpy(at - self._starts[slabs]).to(self.device)
        rows = inside.split([b - a for a, b in pairwise([*first, len(at)])])
        return order, [(self._slabs[slabs[i]], some) for i, some in zip(first, rows, strict=True)]

    def _reserve(self, slots: int) -> None:
        """Make room for so many slots in all."""
        missing = slots - len(self._used)
        if missing <= 0:
            return
        slot = self.layers * self.row_bytes
        count = max(self.slab_bytes, self.nbytes // GROWTH) // slot
        if self._most is not None:
            have = len(self._used)
            count = min(count, self._most - have if have < self._most else have // BEYOND)
        count = max(missing, count)
        shape = self.layers, count, self.row_bytes // WORD.itemsize
        self._slabs.append(
            torch.empty(shape, dtype=WORD, device=self.device, pin_memory=self.pinned)
        )
        # New arrays, not larger ones: a thread that gathers may hold the old ones.
        self._starts = np.append(self._starts, self._starts[-1] + count)
        self._used = np.append(self._used, np.zeros(count, dtype=np.bool_))


def _changes(numbers: NDArray[np.int64]) -> list[int]:
    """Return where each stretch of equal numbers starts."""
    if not len(numbers):
        return []
    return [0, *((numbers[1:] != numbers[:-1]).nonzero()[0] + 1).tolist()]
