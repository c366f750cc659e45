"""Linear layers in eight bits, for CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

LEVELS = 127  # of a symmetric int8 code
NARROW = 63  # of an activation's code where sums of two products must fit into 16 bits
TINY = 1e-9  # scale of a row of zeros


class Int8Linear(nn.Module):
    """W8A8: weights have a scale for each output, activations one for each token.

    Both are symmetric, and the products of codes are summed exactly. Inference only, on a CPU.
    Takes (..., inputs) and returns (..., outputs) in the same dtype.

    `narrow` gives activations seven bits: x86 without VNNI adds pairs of products in 16 bits,
    where eight would saturate, and `torch._int_mm` is a hundred times slower there. By default
    the CPU decides.
    """

    def __init__(self, linear: nn.Linear, *, narrow: bool | None = None) -> None:
        super().__init__()
        self.narrow = not torch.cpu._is_vnni_supported() if narrow is None else narrow
        weight = linear.weight.detach().float()
        scale = (weight.abs().amax(1) / LEVELS).clamp_min(TINY)
        codes = (weight / scale[:, None]).round().to(torch.int8)
        self._scale = scale  # (outputs,) fp32
        self._zeros = torch.zeros(len(scale), dtype=torch.int64)
        self._bias = None if linear.bias is None else linear.bias.detach().float()
        # Either (inputs, outputs) int8, or the same in a layout that only its kernel knows.
        self._codes: Tensor = (
            torch.ops.onednn.qlinear_prepack(codes, None) if self.narrow else codes.t().contiguous()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the product; each token is quantised by its own largest value."""
        rows = x.reshape(-1, x.shape[-1])
        levels = NARROW if self.narrow else LEVELS
        scale = (rows.abs().amax(1, keepdim=True).float() / levels).clamp_min(TINY)
        out = self._product((rows / scale).round()).mul_(scale)
        if self._bias is not None:
            out += self._bias
        return out.to(x.dtype).reshape(*x.shape[:-1], -1)

    def _product(self, codes: Tensor) -> Tensor:
        """Return fp32 products with the weights, scaled by theirs, of whole numbers."""
        if not self.narrow:
            return torch._int_mm(codes.to(torch.int8), self._codes).float().mul_(self._scale)
        zero = NARROW + 1  # the kernel is faster for unsigned codes
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            (codes + zero).to(torch.uint8),
            1.0,
            zero,
            self._codes,
            self._scale,
            self._zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return out


def quantize(module: nn.Module) -> None:
    """Put an `Int8Linear` in the place of every linear layer inside `module`, one at a time."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear(child))
        else:
            quantize(child)
