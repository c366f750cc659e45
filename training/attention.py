"""Attention over packed streams: each question sees what is left of the frames, and itself.

Many questions share one reading of a stream. The model's tokens lie in one row: all visual tokens,
stream by stream, then all questions, stream by stream. A `Layout` says which is whose; the function
below is what transformers' Qwen2 calls in place of its own, so that the model that is trained is
the class that is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

NAME = "longwatch_packed"


@dataclass
class Layout:
    """Which token of the row is whose.

    There are B streams of at most F visual tokens, each with up to Q questions of at most n tokens;
    padding comes last. A question sees some of the visual tokens that came before it, and so may
    each visual token.
    """

    frames: Tensor  # (B, F) bool: where a stream has a token
    questions: Tensor  # (B, Q, n) bool: where a question has one
    seen: Tensor  # (B, Q, F) bool: the visual tokens that came before the question
    evidence: Tensor  # (B, Q, F) bool: those that prove the answer
    proven: Tensor  # (B, Q, n) bool: P tokens of questions that should look at it
    watched: Mapping[int, Sequence[int]] = field(default_factory=dict)  # layer -> heads
    near: Tensor | None = None  # (B, F, F) bool: visual tokens that each one sees; None: all before
    masses: dict[int, Tensor] = field(default_factory=dict)  # watched layer -> (P, heads)

    def __post_init__(self) -> None:
        """Lay each stream's questions in a row: padding all of them to n would double the work."""
        b, f = self.frames.shape
        count = int(self.frames.sum())
        self._frame_index = torch.full((b, f), -1)
        self._frame_index[self.frames] = torch.arange(count)
        lengths = self.questions.sum((1, 2))
        self._asks = torch.arange(int(lengths.max())) < lengths[:, None]  # (B, R): R text tokens
        self._text_index = torch.full(self._asks.shape, -1)
        self._text_index[self._asks] = torch.arange(int(lengths.sum())) + count
        asker = torch.full(self._asks.shape, -1)
        asker[self._asks] = self.questions.nonzero()[:, 1]
        asked = torch.arange(b)[:, None], asker
        own = (asker[:, :, None] == asker[:, None]).tril()
        mask = torch.cat([self.seen[asked] & self._asks[..., None], own], -1)
        self._hidden = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)[:, None]
        text = torch.zeros_like(self._asks)
        text[self._asks] = self.proven[self.questions]
        counts = text.sum(1, keepdim=True)
        look = torch.argsort(text, descending=True, stable=True)[:, : int(counts.max())]  # (B, W)
        self._look = torch.arange(b)[:, None], look
        self._looks = torch.arange(look.shape[1]) < counts
        self._proof = self.evidence[asked][self._look]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return what each token of the row finds, (tokens, heads, d).

        `query` is (heads, tokens, d), `key` and `value` are (key heads, tokens, d).
        """
        group = query.shape[0] // key.shape[0]
        q, k, v = (self._split(x) for x in (query, key, value))
        k = [x.repeat_interleave(group, 1) for x in k]
        v = [x.repeat_interleave(group, 1) for x in v]
        near = None if self.near is None else self.near[:, None]
        frames = scaled_dot_product_attention(
            q[0], k[0], v[0], attn_mask=near, is_causal=near is None, scale=scale
        )
        keys, values = torch.cat(k, 2), torch.cat(v, 2)
        if heads := self.watched.get(layer):
            self.masses[layer] = self._mass(q[1][:, heads] * scale, keys[:, heads])
        found = scaled_dot_product_attention(
            q[1], keys, values, attn_mask=self._hidden, scale=scale
        )
        return torch.cat([frames.transpose(1, 2)[self.frames], found.transpose(1, 2)[self._asks]])

    def _mass(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return how much of their attention the proven tokens give to the evidence, (P, heads).

        `query` is (B, heads, R, d), `keys` is (B, heads, F + R, d).
        """
        query = query.transpose(1, 2)[self._look].transpose(1, 2)
        hidden = self._hidden[:, 0][self._look][:, None]
        weights = (query @ keys.transpose(2, 3) + hidden).softmax(-1)
        mass = (weights[..., : self.frames.shape[1]] * self._proof[:, None]).sum(-1)
        return mass.transpose(1, 2)[self._looks]

    def _split(self, row: Tensor) -> list[Tensor]:
        """Return frames, (B, heads, F, d), and questions, (B, heads, R, d), of a row."""
        padded = pad(row, (0, 0, 0, 1))  # the last one stands for "no token"
        return [padded[:, at].transpose(0, 1) for at in (self._frame_index, self._text_index)]


def attend(
    module: nn.Module,
    query: Tensor,  # (1, heads, tokens, d)
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # the layout is the mask
    *,
    layout: Layout,
    scaling: float,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend within the layout; returns (1, tokens, heads, d)."""
    layer: int = module.layer_idx  # type: ignore[assignment]
    return layout.attend(layer, query[0], key[0], value[0], scaling)[None], None


def register() -> None:
    """Make the name known to transformers."""
    AttentionInterface.register(NAME, attend)
