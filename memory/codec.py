"""A block's keys and values of one layer as one row of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from longwatch.memory.quantiser import Quantiser

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.memory.quantiser import Axis


@dataclass(frozen=True)
class Codec:
    """How sealed blocks are stored: bits and groups of keys and of values, see `Quantiser`.

    Keys are not rotated, because a channel that RoPE has turned no longer has a range of its own.
    `benchmarks.archive` found less error with a scale for each channel, for keys and for values,
    where KIVI (arXiv 2402.02750) has one for each token of the values. The price is bytes: the
    fewer tokens a block has, the more of it are scales.
    """

    key_bits: int = 4
    value_bits: int = 4
    key_axis: Axis = "channel"
    value_axis: Axis = "channel"

    def __post_init__(self) -> None:
        """Check the settings."""
        self._quantisers()

    def signature(self) -> str:
        """Return the settings as they are stored on disk, in the signature of an archive.

        An archive is opened only under the signature that it was written with, so the text is a
        part of the format on disk: it stays as it is when the class or a field is renamed.
        """
        return (
            f"Codec(key_bits={self.key_bits}, value_bits={self.value_bits}, "
            f"key_axis='{self.key_axis}', value_axis='{self.value_axis}')"
        )

    def row_bytes(self, h: int, d: int, tokens: int) -> int:
        """Return the bytes of a block with room for `tokens`, a multiple of 8."""
        return sum(q.nbytes(h, tokens, d) for q in self._quantisers())

    def encode(self, keys: Tensor, values: Tensor, lengths: Tensor) -> Tensor:
        """Return blocks, one a row, (b, row_bytes) uint8 on the device of `keys`.

        `keys` and `values` are (b, h, T, d) of any float, `lengths` is (b,) int64 on any device:
        how many tokens of a block count, from 1 to T. What stands behind them is stored as if it
        were the last one again, so it changes no scale. Layers may be stacked along b.
        """
        b, h, tokens, d = keys.shape
        if values.shape != keys.shape or lengths.shape != (b,):
            raise ValueError(
                f"keys are {tuple(keys.shape)}, values {tuple(values.shape)} and lengths "
                f"{tuple(lengths.shape)}; they must be (b, h, T, d), the same, and (b,)"
            )
        if b and not 1 <= int(lengths.min()) <= int(lengths.max()) <= tokens:
            raise ValueError(f"lengths must be from 1 to {tokens}, not {lengths.tolist()}")
        if b and int(lengths.min()) < tokens:
            at = torch.arange(tokens, device=keys.device)
            at = at.minimum(lengths.to(keys.device)[:, None] - 1)[:, None, :, None]
            keys, values = (x.gather(2, at.expand_as(x)) for x in (keys, values))
        rows = keys.new_zeros(b, self.row_bytes(h, d, tokens), dtype=torch.uint8)
        for quantiser, x, part in zip(
            self._quantisers(), (keys, values), self._parts(rows, h, d, tokens), strict=True
        ):
            quantiser.encode(x, part)
        return rows

    def decode(
        self,
        rows: Tensor,
        h: int,
        d: int,
        tokens: int,
        dtype: torch.dtype,
        out: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values, (b, h, T, d) of `dtype`, of (b, row_bytes) uint8.

        They lie in memory as (h, b, T, d), so `x.transpose(0, 1).flatten(1, 2)`, which is one
        layer's (h, b * T, d), copies nothing. They are written to `out` if it is given, with any
        strides and in its own dtype: new memory may cost a CPU more than decoding does.
        """
        if rows.shape[1] != self.row_bytes(h, d, tokens):
            raise ValueError(
                f"a row of {tokens} tokens has {self.row_bytes(h, d, tokens)} bytes, "
                f"not {rows.shape[1]}; it was encoded with other settings or another shape"
            )
        if out is None:
            shape = h, len(rows), tokens, d
            keys, values = (rows.new_empty(shape, dtype=dtype) for _ in range(2))
            out = keys.transpose(0, 1), values.transpose(0, 1)
        for x in out:
            if x.shape != (len(rows), h, tokens, d):
                raise ValueError(
                    f"keys and values of {len(rows)} blocks are {(len(rows), h, tokens, d)}; "
                    f"what they are to be written to is {tuple(x.shape)}"
                )
        parts = self._parts(rows, h, d, tokens)
        for quantiser, part, x in zip(self._quantisers(), parts, out, strict=True):
            quantiser.decode(part, x)
        return out

    def _quantisers(self) -> tuple[Quantiser, Quantiser]:
        return Quantiser(self.key_bits, self.key_axis), Quantiser(self.value_bits, self.value_axis)

    def _parts(self, rows: Tensor, h: int, d: int, tokens: int) -> tuple[Tensor, Tensor]:
        """Return the bytes of the keys and those of the values."""
        end = self._quantisers()[0].nbytes(h, tokens, d)
        return rows[:, :end], rows[:, end:]
