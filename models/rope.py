"""A decoder's own rotary embedding, at positions of our choice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

from longwatch.errors import UnsupportedModelError
from longwatch.memory.base import Rotary

if TYPE_CHECKING:
    from torch import Tensor, nn

FIXED = ("default", "linear", "yarn", "llama3")  # kinds whose angles depend on the place alone
KEPT = 1 << 14  # positions at most whose rotations are kept
FIRST = 1 << 10  # and at first


class DecoderRope:
    """Plain RoPE and M-RoPE, chunked or interleaved: whatever `rotary_emb` of the decoder does.

    Angles are computed in fp32 and the rotation is applied in the model's dtype. Those of the first
    positions are computed once where there is one axis: what is recalled stands in each layer at
    places of its own, and all places are small. Raises `UnsupportedModelError` for a decoder
    without a rotary embedding of the usual form.
    """

    def __init__(self, decoder: nn.Module, dtype: torch.dtype, device: torch.device) -> None:
        embedding: Any = getattr(decoder, "rotary_emb", None)
        apply = getattr(sys.modules[type(decoder).__module__], "apply_rotary_pos_emb", None)
        if embedding is None or apply is None:
            raise UnsupportedModelError(
                f"{type(decoder).__name__} has no rotary embedding that can be asked for any "
                "position; choose a model with RoPE or M-RoPE"
            )
        self._embedding = embedding
        self._apply = apply
        self._axes = 3 if hasattr(embedding, "mrope_section") else 1
        self._dtype = dtype
        self._like = torch.empty(0, dtype=torch.float32, device=device)
        self._fixed = self._axes == 1 and getattr(embedding, "rope_type", None) in FIXED
        self._known: Rotary | None = None  # of positions from zero on
        self._halves = self._check_halves()

    @property
    def axes(self) -> int:
        """Return 1 for plain RoPE, 3 for M-RoPE."""
        return self._axes

    @torch.inference_mode()
    def table(self, positions: Tensor) -> Rotary:
        """Return the rotation for `positions`, (axes, n) int64; cos and sin are (n, d)."""
        end = int(positions.amax()) + 1 if self._fixed and positions.numel() else 0
        if not 0 < end <= KEPT or int(positions.amin()) < 0:
            return self._computed(positions)
        known = self._known
        if known is None or len(known.cos) < end:
            size = max(FIRST, 1 << (end - 1).bit_length())
            known = self._known = self._computed(torch.arange(size)[None])
        at = positions[0].to(self._like.device)
        return Rotary(known.cos[at], known.sin[at])

    def _computed(self, positions: Tensor) -> Rotary:
        at = positions.to(self._like.device)
        cos, sin = self._embedding(self._like, at[:, None] if self._axes > 1 else at)
        # At position zero the model applied YaRN's factor already: cos(0) is that factor.
        factor = self._embedding.attention_scaling
        return Rotary((cos[0] / factor).to(self._dtype), (sin[0] / factor).to(self._dtype))

    def rotate(self, x: Tensor, rotary: Rotary) -> Tensor:
        """Return `x`, (h, n, d), rotated."""
        if not self._halves:
            return self._stock(x, rotary)
        half = x.shape[-1] // 2
        cos, sin = rotary.cos[:, :half], rotary.sin[:, :half]
        a, b = x[..., :half], x[..., half:]
        out = torch.empty_like(x)
        torch.mul(a, cos, out=out[..., :half]).addcmul_(b, sin, value=-1)
        torch.mul(b, cos, out=out[..., half:]).addcmul_(a, sin)
        return out

    def _stock(self, x: Tensor, rotary: Rotary) -> Tensor:
        rotated: Tensor = self._apply(x[None], x[None], rotary.cos[None], rotary.sin[None])[0][0]
        return rotated.to(x.dtype)

    def _check_halves(self) -> bool:
        """Tell whether the model rotates the two halves of a head against each other.

        That form has a faster path here; any other goes through the model's own function.
        """
        rotary = self.table(torch.arange(8).expand(self._axes, 8))
        x = torch.linspace(-1, 1, 8 * rotary.cos.shape[-1], device=self._like.device)
        x = x.reshape(1, 8, -1).to(self._dtype)
        self._halves = True
        return torch.allclose(self.rotate(x, rotary), self._stock(x, rotary), atol=1e-2)
