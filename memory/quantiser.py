"""Few bits for a block's keys, or for its values: pack, unpack, and a bound on the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

Axis = Literal["channel", "token"]

ALIGNED = 8  # bytes; every section starts at a multiple, so that it can be viewed as numbers
WORKSET = 1 << 20  # elements unpacked at a time on a CPU: what stays in its cache
LARGEST = 65504.0  # of fp16
SMALLEST = 2.0**-24  # of fp16, above zero
EXACT = {32: torch.float32, 16: torch.float16}  # stored as they are


@dataclass(frozen=True)
class Quantiser:
    """Asymmetric rounding with a scale and a minimum for each group, in 8, 4 or 2 bits.

    A group is what one head's channel holds over a block's tokens (KIVI's choice for keys, arXiv
    2402.02750, and StreamingTOM's for both, 2510.18269), or what one head's token holds over its
    channels (KIVI's for values). Scale s and minimum m are fp16, rounded outwards before they are
    used, so an element x comes back within s / 2, and s is at most (max - min) / levels and what
    fp16 rounds, never below 2 ** -24. A group of equal elements that fp16 has comes back exactly.

    16 bits store fp16, 32 store fp32 bit by bit. Below 32, what is beyond the range of fp16 is
    stored as its largest number, and what is not a number as zero.
    """

    bits: int = 4  # 32, 16, 8, 4 or 2
    axis: Axis = "token"  # "channel" or "token"; nothing to 16 and 32 bits

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.bits not in (32, 16, 8, 4, 2):
            raise ConfigError(f"bits must be 32, 16, 8, 4 or 2, not {self.bits}")
        if self.axis not in ("channel", "token"):
            raise ConfigError(f"axis must be channel or token, not {self.axis!r}")

    def nbytes(self, h: int, tokens: int, d: int) -> int:
        """Return the bytes of one block of (h, tokens, d), a multiple of 8."""
        return self._ends(h, tokens, d)[-1]

    def encode(self, x: Tensor, out: Tensor) -> None:
        """Write `x`, (b, h, T, d) of any float, to `out`, (b, nbytes) uint8 and zeroed."""
        _, h, tokens, d = x.shape
        n = h * tokens * d
        if self.bits == 32:
            out[:, : n * 4].view(torch.float32).copy_(x.flatten(1))
            return
        x = x.float().nan_to_num(0.0).clamp_(-LARGEST, LARGEST)
        if self.bits == 16:
            out[:, : n * 2].view(torch.float16).copy_(x.flatten(1))
            return
        levels = (1 << self.bits) - 1
        dim = 2 if self.axis == "channel" else 3
        minimum = _at_most(x.amin(dim, keepdim=True))
        scale = _at_least((x.amax(dim, keepdim=True) - minimum.float()) / levels)
        # Never above `levels`: the scale was rounded up. Truncation after a half is rounding.
        x = x.sub_(minimum.float()).div_(scale.float()).add_(0.5)
        codes, scales, _ = self._ends(h, tokens, d)
        self._pack(x.flatten(1).to(torch.uint8), out[:, : -(-n * self.bits // 8)])
        groups = minimum.shape[1:].numel()
        out[:, codes : codes + 2 * groups].view(torch.float16).copy_(scale.flatten(1))
        out[:, scales : scales + 2 * groups].view(torch.float16).copy_(minimum.flatten(1))

    def decode(self, rows: Tensor, out: Tensor) -> None:
        """Write to `out`, (b, h, T, d), what `encode` made `rows`, (b, nbytes) uint8, of."""
        _, h, tokens, d = out.shape
        n = h * tokens * d
        if self.bits in EXACT:
            exact = rows[:, : n * self.bits // 8].view(EXACT[self.bits])
            out.copy_(exact.unflatten(1, (h, tokens, d)))
            return
        groups = (h, 1, d) if self.axis == "channel" else (h, tokens, 1)
        count = groups[0] * groups[1] * groups[2]
        codes, scales, _ = self._ends(h, tokens, d)
        packed = rows[:, : -(-n * self.bits // 8)]
        scale = rows[:, codes : codes + 2 * count].view(torch.float16).float()
        minimum = rows[:, scales : scales + 2 * count].view(torch.float16).float()
        scale, minimum = scale.unflatten(1, groups), minimum.unflatten(1, groups)
        # A CPU reads and writes its memory once if it goes by pieces that its cache holds.
        step = max(1, WORKSET // n) if rows.device.type == "cpu" else max(1, len(rows))
        work = out.new_empty(min(step, len(rows)), h, tokens, d, dtype=torch.float32)
        for start in range(0, len(rows), step):
            piece = slice(start, start + step)
            part = work[: len(packed[piece])]
            part.copy_(self._unpack(packed[piece], n).unflatten(1, (h, tokens, d)))
            torch.add(part.mul_(scale[piece]), minimum[piece], out=out[piece])

    def _ends(self, h: int, tokens: int, d: int) -> tuple[int, int, int]:
        """Return where codes, scales and minima end, padded."""
        codes = _padded(-(-h * tokens * d * self.bits // 8))
        if self.bits in EXACT:
            return codes, codes, codes
        groups = _padded(2 * h * (d if self.axis == "channel" else tokens))
        return codes, codes + groups, codes + 2 * groups

    def _pack(self, codes: Tensor, out: Tensor) -> None:
        """Put (b, n) codes into (b, m) bytes: byte i holds elements i, i + m, i + 2m ...

        Elements far apart share a byte, so that unpacking writes whole stretches.
        """
        m = out.shape[1]
        for part, at in enumerate(range(0, codes.shape[1], m)):
            some = codes[:, at : at + m]
            out[:, : some.shape[1]] |= some << (part * self.bits)

    def _unpack(self, packed: Tensor, n: int) -> Tensor:
        """Return the (b, n) codes of (b, m) bytes."""
        if self.bits == 8:
            return packed
        b, m = packed.shape
        codes = packed.new_empty(b, 8 // self.bits, m)
        for part in range(8 // self.bits):
            torch.bitwise_right_shift(packed, part * self.bits, out=codes[:, part])
        return codes.bitwise_and_((1 << self.bits) - 1).flatten(1)[:, :n]


def _padded(nbytes: int) -> int:
    return -(-nbytes // ALIGNED) * ALIGNED


def _at_most(x: Tensor) -> Tensor:
    """Return the largest fp16 numbers that are not above `x`."""
    near = x.half()
    bits = near.view(torch.int16)
    # Numbers below zero, minus zero included, have negative bits, and larger bits are further out.
    step = torch.where(bits < 0, 1, -1).to(torch.int16)
    return (bits + step * (near.float() > x)).view(torch.float16)


def _at_least(x: Tensor) -> Tensor:
    """Return the smallest fp16 numbers above zero that are not below `x`, which is not negative."""
    near = x.clamp_min(SMALLEST).half()
    return (near.view(torch.int16) + (near.float() < x).to(torch.int16)).view(torch.float16)
