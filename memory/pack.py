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


def pack(about: Mapping[str, Any], tensors: Sequence[Tensor]) -> list[memoryview]:
    """Return buffers that hold `about`, which JSON can say, and `tensors`, exactly."""
    flat = [tensor.detach().cpu().contiguous() for tensor in tensors]
    kinds = [[str(t.dtype).removeprefix("torch."), list(t.shape)] for t in flat]
    text = json.dumps([about, kinds], separators=(",", ":")).encode()
    head = len(text).to_bytes(PREFIX, "little") + text
    bodies = (t.reshape(-1).view(torch.uint8).numpy().data for t in flat)
    return [memoryview(head), *bodies]


def unpack(body: memoryview) -> tuple[dict[str, Any], list[Tensor]]:
    """Return what was packed; the tensors are copies, on the CPU.

    Raises:
        StorageError: these are not bytes that `pack` made.
    """
    try:
        start = PREFIX + int.from_bytes(body[:PREFIX], "little")
        about, kinds = json.loads(bytes(body[PREFIX:start]))
        tensors = []
        for name, shape in kinds:
            dtype = DTYPES[name]
            end = start + math.prod(shape) * dtype.itemsize
            if end > len(body):
                raise ValueError(f"{len(body)} bytes end within a tensor")
            tensors.append(_tensor(body[start:end], dtype, shape))
            start = end
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"a stored record makes no sense: {error}") from error
    return dict(about), tensors


def _tensor(data: memoryview, dtype: torch.dtype, shape: list[int]) -> Tensor:
    if not len(data):
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)
