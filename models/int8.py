"""Linear layers in eight bits, for CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 127  # of a symmetric int8 code
TINY = 1e-9  # scale of a row of zeros


class Int8Linear(nn.Module):
    """W8A8: weights have a scale for each output, activations one for each token.

    Both are symmetric, and products are summed exactly in int32 (`torch._int_mm`). Inference
    only. Takes (..., inputs) and returns (..., outputs) in the same dtype.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scale = (weight.abs().amax(1) / LEVELS).clamp_min(TINY)
        codes = (weight / scale[:, None]).round().to(torch.int8)
        self.codes: Tensor
        self.scale: Tensor
        self.bias: Tensor | None
        self.register_buffer("codes", codes.t().contiguous())  # (inputs, outputs) int8
        self.register_buffer("scale", scale)  # (outputs,) fp32
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """Return the product; each token is quantised by its own largest value."""
        rows = x.reshape(-1, x.shape[-1])
        scale = (rows.abs().amax(1, keepdim=True) / LEVELS).clamp_min(TINY)
        codes = (rows / scale).round().to(torch.int8)
        out = torch._int_mm(codes, self.codes).float() * (scale * self.scale)
        if self.bias is not None:
            out += self.bias
        return out.to(x.dtype).reshape(*x.shape[:-1], -1)


def quantize(module: nn.Module) -> None:
    """Put an `Int8Linear` in the place of every linear layer inside `module`, one at a time."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear(child))
        else:
            quantize(child)
