"""The text half of a vision-language model, driven through the one attention function."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from longwatch.memory import attention
from longwatch.models.narrowing import narrowing
from longwatch.models.rope import DecoderRope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from longwatch.memory.base import Step

SAMPLE = 256  # numbers of each weight that a fingerprint looks at


class Decoder:
    """A transformers text model and its output head. It keeps nothing of any stream.

    The model runs at position zero without a cache of its own; `Step` has both. Whoever builds one
    for a model that came from outside runs `selftest.check` on it first. `own` gives embeddings,
    (d,), to ids beyond the model's table: learned vectors that no token stands for.
    """

    def __init__(
        self, model: nn.Module, head: nn.Module, *, own: Mapping[int, Tensor] | None = None
    ) -> None:
        attention.register()
        stack: Any = model
        stack.set_attn_implementation(attention.NAME)
        self._model = stack
        self._head = head
        self._embedding: nn.Module = stack.get_input_embeddings()
        self._own = dict(own or {})
        parameter = next(model.parameters())
        self.device: torch.device = parameter.device
        self.dtype: torch.dtype = parameter.dtype
        self.layers: int = stack.config.num_hidden_layers
        self.rope = DecoderRope(model, self.dtype, self.device)

    @property
    def channels(self) -> int:
        """Channels of one token's key in one layer, all heads together."""
        return self.token_bytes // (2 * self.layers * self.dtype.itemsize)

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values, over all layers."""
        heads, width = self.heads
        return 2 * self.layers * heads * width * self.dtype.itemsize

    @property
    def heads(self) -> tuple[int, int]:
        """Key-value heads of a layer, and the channels of one."""
        config = self._model.config
        width = getattr(config, "head_dim", None) or config.hidden_size // self.query_heads
        return int(getattr(config, "num_key_value_heads", None) or self.query_heads), int(width)

    @property
    def positions(self) -> int | None:
        """Positions that the model was made for; None where its configuration names none."""
        return getattr(self._model.config, "max_position_embeddings", None)

    @property
    def query_heads(self) -> int:
        """Query heads of a layer."""
        return int(self._model.config.num_attention_heads)

    @cached_property
    def fingerprint(self) -> str:
        """Say in a short text which weights these are, from a sample of them all."""
        found = hashlib.sha256()
        for name, weight in sorted(self._model.state_dict().items()):
            found.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
            flat = weight.reshape(-1)
            some = flat[:: max(1, len(flat) // SAMPLE)][:SAMPLE].cpu().contiguous()
            found.update(some.view(torch.uint8).numpy().tobytes())
        return found.hexdigest()[:16]

    @torch.inference_mode()
    def embed(self, ids: Sequence[int]) -> Tensor:
        """Return the embeddings, (n, d), of token ids."""
        known = [0 if token in self._own else token for token in ids]
        out: Tensor = self._embedding(torch.tensor(known, dtype=torch.int64, device=self.device))
        for i, token in enumerate(ids):
            if token in self._own:
                out[i] = self._own[token]
        return out

    @torch.inference_mode()
    def forward(
        self,
        embeds: Tensor,  # (n, d)
        positions: Tensor,  # (axes, n) int64, counted from the step's origin
        step: Step,
        visual: Tensor | None = None,  # (n,) bool: which tokens are visual
        extras: Sequence[Tensor] = (),  # each (v, d): deep-stack features of the visual tokens
    ) -> Tensor:
        """Run the model over n tokens; return its last hidden states, (n, d)."""
        step.begin(positions)
        n, axes = embeds.shape[0], self.rope.axes
        shape = (axes, 1, n) if axes > 1 else (1, n)
        deep: dict[str, Any] = {}
        if extras and visual is not None:
            deep = {
                "visual_pos_masks": visual[None].to(self.device),
                "deepstack_visual_embeds": [e.to(self.device, self.dtype) for e in extras],
            }
        with narrowing(self._model.layers, step, len(extras)) if step.narrows else nullcontext():
            out = self._model(
                inputs_embeds=embeds[None].to(self.device, self.dtype),
                position_ids=torch.zeros(shape, dtype=torch.int64, device=self.device),
                past_key_values=None,
                use_cache=False,
                step=step,
                **deep,
            )
        hidden: Tensor = out.last_hidden_state[0]
        return hidden

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor:
        """Return fp32 logits, (..., vocabulary), of hidden states, (..., d)."""
        out: Tensor = self._head(hidden)
        return out.float()
