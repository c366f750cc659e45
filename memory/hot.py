"""Blocks that were decoded a short time ago, on the model's device."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import torch

from longwatch.memory.arena import WORD, Arena

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from longwatch.memory.archive import Archive
    from longwatch.memory.sealed import Shape

    Decode = Callable[[NDArray[np.int64]], tuple[Tensor, Tensor]]

SLABS = 8  # that the room is asked for in


class Hot:
    """Keys and values of layers of blocks, as they came from the codec, the last ones read.

    A block's id is never given out again and its keys never change, so what is held is right as
    long as the block is there. All on the model's thread.
    """

    def __init__(self, most_bytes: int, shape: Shape, tokens: int) -> None:
        """Begin empty, for blocks of so many tokens; `most_bytes` has room for one at least."""
        self._shape, self._dtype = (2, shape.heads, tokens, shape.width), shape.dtype
        row = row_bytes(shape, tokens)
        self._most = most_bytes // row
        slab = max(row, most_bytes // SLABS)
        self._arena = Arena(1, row, device=shape.device, slab_bytes=slab, most=self._most)
        self._slots: OrderedDict[tuple[int, int], int] = OrderedDict()  # by id and layer
        self._layers: dict[int, set[int]] = {}  # by id
        self.hits = self.misses = 0  # of one layer of a block

    @property
    def nbytes(self) -> int:
        """Bytes on the device."""
        return self._arena.nbytes

    def held(self) -> list[int]:
        """Return the ids held, once for each layer, in the order of use."""
        return [block for block, _ in self._slots]

    def read(self, layer: int, ids: NDArray[np.int64], decode: Decode) -> tuple[Tensor, Tensor]:
        """Return a layer's keys and values, (b, h, T, d), of blocks; `decode` makes those missing.

        It gets some of the `ids`, in their order, and returns the same of them.
        """
        known = [self._slots.get((block, layer), -1) for block in ids.tolist()]
        slots = torch.tensor(known, dtype=torch.int64)
        missing = np.flatnonzero(slots.numpy() < 0)
        self.hits += len(ids) - len(missing)
        self.misses += len(missing)
        if len(missing) == len(ids):
            found = decode(ids)
            self._keep(layer, ids, found)
            return found
        for block in ids[slots.numpy() >= 0].tolist():
            self._slots.move_to_end((block, layer))
        here = slots[slots >= 0]
        rows = self._arena.gather(0, here).view(self._dtype).view(len(here), *self._shape)
        if not len(missing):
            return rows[:, 0], rows[:, 1]
        fresh = decode(ids[missing])
        order = torch.from_numpy(np.argsort(np.append(np.flatnonzero(slots >= 0), missing)))
        order = order.to(rows.device)
        keys, values = (
            torch.cat([old, new])[order]
            for old, new in zip((rows[:, 0], rows[:, 1]), fresh, strict=True)
        )
        self._keep(layer, ids[missing], fresh)
        return keys, values

    def drop(self, ids: Sequence[int]) -> None:
        """Forget blocks."""
        gone = [(block, layer) for block in ids for layer in self._layers.pop(block, ())]
        if gone:
            self._arena.free(torch.tensor([self._slots.pop(key) for key in gone]))

    def _keep(self, layer: int, ids: NDArray[np.int64], found: tuple[Tensor, Tensor]) -> None:
        """Hold what was decoded, the last of it if there is no room for all."""
        first = max(0, len(ids) - self._most)
        rows = torch.stack([x[first:] for x in found], 1)
        over = max(0, len(self._slots) + len(rows) - self._most)
        old = [self._slots.popitem(last=False) for _ in range(over)]
        for (block, other), _ in old:
            self._layers[block].discard(other)
            if not self._layers[block]:
                del self._layers[block]
        if old:
            self._arena.free(torch.tensor([slot for _, slot in old]))
        slots = self._arena.put(rows.flatten(1).view(torch.uint8)[None])
        for block, slot in zip(ids[first:].tolist(), slots.tolist(), strict=True):
            self._slots[block, layer] = slot
            self._layers.setdefault(block, set()).add(layer)


def row_bytes(shape: Shape, tokens: int) -> int:
    """Return the bytes of one layer's keys and values of a block, decoded."""
    return 2 * shape.heads * tokens * shape.width * shape.dtype.itemsize


def hot_for(archive: Archive, most_bytes: int) -> Hot | None:
    """Return an empty one for an archive's blocks; None where there is no room for a block."""
    row = row_bytes(archive.shape, archive.block_tokens)
    fits = row <= most_bytes and row % WORD.itemsize == 0
    return Hot(most_bytes, archive.shape, archive.block_tokens) if fits else None


def hot_bytes(archive: Archive | None) -> int:
    """Return the bytes of an archive's decoded blocks on the device."""
    return 0 if archive is None or archive.hot is None else archive.hot.nbytes
