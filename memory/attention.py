"""The attention function that transformers calls in place of its own.

The model runs at position zero, where RoPE is the identity, so queries and keys arrive here
normed but not rotated. What the layer sees, and at which positions, is the step's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from longwatch.errors import UnsupportedModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from longwatch.memory.base import Step

NAME = "longwatch"
UNSUPPORTED = ("sliding_window", "softcap", "s_aux")  # change attention in ways we do not compute


def attend(
    module: nn.Module,
    query: Tensor,  # (1, heads, n, d)
    key: Tensor,  # (1, h, n, d)
    value: Tensor,  # (1, h, n, d)
    attention_mask: Tensor | None,
    *,
    step: Step,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend to what `step` gives this layer; returns (1, n, heads, d)."""
    if attention_mask is not None:
        raise UnsupportedModelError(
            "the model passes a mask of its own to attention; Longwatch owns causality, so this "
            "architecture cannot be driven exactly; choose another model"
        )
    for name in UNSUPPORTED:
        if kwargs.get(name) is not None:
            raise UnsupportedModelError(
                f"the model's attention uses {name}={kwargs[name]}, which Longwatch does not "
                "compute; choose a model with plain causal attention"
            )
    layer: int = module.layer_idx  # type: ignore[assignment]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    out = step.attend(layer, query[0], key[0], value[0], scale)
    return out.transpose(0, 1)[None], None


def packed(
    query: Tensor, keys: Tensor, values: Tensor, scale: float, mask: Tensor | None
) -> Tensor:
    """Return causal attention, (heads, n, d), of the last n of m tokens to all m.

    `query` is (heads, n, d), `keys` and `values` are (h, m, d), all rotated. The heads that share
    a key-value head become extra query rows, so that keys and values are never repeated. `mask`
    is `causal` for these, the same for every layer of a pass.
    """
    heads, n, d = query.shape
    h = keys.shape[0]
    rows = query.reshape(1, h, heads // h * n, d)
    out = scaled_dot_product_attention(rows, keys[None], values[None], attn_mask=mask, scale=scale)
    return out.reshape(heads, n, d)


def causal(query: Tensor, keys: Tensor) -> Tensor | None:
    """Return what `packed` adds to its scores, (heads // h * n, m), in the query's dtype.

    None stands for nothing: a single token sees all. Numbers, because torch would make them of
    truth values again for every layer.
    """
    heads, n, _ = query.shape
    h, m, _ = keys.shape
    if n == 1:
        return None
    return query.new_full((n, m), -torch.inf).triu_(m - n + 1).repeat(heads // h, 1)


def register() -> None:
    """Make the name known to transformers; doing it again changes nothing."""
    AttentionInterface.register(NAME, attend)
