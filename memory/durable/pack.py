"""Tensors, and what is said about them, as bytes and back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import torch

from longwatch.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.uint8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
    )
}
PREFIX = 4  # bytes that say how long the description is
ALIGN = 8  # bytes; where a tensor begins is a multiple of it


def pack(about: Mapping[str, Any], tensors: Sequence[Tensor]) -> list[memoryview]:
    """Return buffers that hold `about`, which JSON can say, and `tensors`, exactly."""
    flat = [tensor.detach().cpu().contiguous() for tensor in tensors]
    kinds = [[str(t.dtype).removeprefix("torch."), list(t.shape)] for t in flat]
    text = json.dumps([about, kinds], separators=(",", ":")).encode()
    text += b" " * _missing(PREFIX + len(text))
    parts = [memoryview(len(text).to_bytes(PREFIX, "little") + text)]
    for tensor in flat:
        data = tensor.reshape(-1).view(torch.uint8).numpy().data
        parts += [data, memoryview(bytes(_missing(data.nbytes)))]
    return parts


def unpack(body: memoryview) -> tuple[dict[str, Any], list[Tensor]]:
    """Return what was packed; the tensors are on the CPU, and of one copy of `body`.

    Raises:
        StorageError: these are not bytes that `pack` made.
    """
    try:
        start = PREFIX + int.from_bytes(body[:PREFIX], "little")
        about, kinds = json.loads(bytes(body[PREFIX:start]))
        data, tensors = bytearray(body[start:]), []
        start = 0
        for name, shape in kinds:
            dtype, count = DTYPES[name], math.prod(shape)
            tensors.append(_tensor(data, dtype, start, count).reshape(shape))
            start += count * dtype.itemsize
            start += _missing(start)
        if start != len(data):
            raise ValueError(f"{len(data)} bytes stand where {start} belong")
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise StorageError(f"a stored record makes no sense: {error}") from error
    return dict(about), tensors


def _tensor(data: bytearray, dtype: torch.dtype, start: int, count: int) -> Tensor:
    if not count:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(data, dtype=dtype, count=count, offset=start)


def _missing(size: int) -> int:
    """Return how many bytes more make it a multiple of what a tensor may begin at."""
    return -size % ALIGN
