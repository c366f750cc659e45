"""Attention over packed streams: each question sees the frames before it, and itself.

Many questions share one reading of a stream. The model's tokens lie in one row: all visual tokens,
stream by stream, then all questions, stream by stream. A `Layout` says which is whose; the function
below is what transformers' Qwen2 calls in place of its own, so that the model that is trained is
the class that is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad
from transformers import AttentionInterface

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME = "longwatch_packed"


@dataclass
class Layout:
    """Which token of the row is whose.

    There are B streams of at most F visual tokens, each with up to Q questions of at most n tokens;
    padding comes last. A question sees some first tokens of its stream.
    """

    frames: Tensor  # (B, F) bool: where a stream has a token
    questions: Tensor  # (B, Q, n) bool: where a question has one
    seen: Tensor  # (B, Q, F) bool: the visual tokens that came before the question
    evidence: Tensor  # (B, Q, F) bool: those that prove the answer
    watched: frozenset[int] = frozenset()  # layers whose attention to the evidence is kept
    masses: dict[int, Tensor] = field(default_factory=dict)  # layer -> (B, heads, Q, n)

    def __post_init__(self) -> None:
        b, q, n = self.questions.shape
        f = self.frames.shape[1]
        count = int(self.frames.sum())
        self._frame_index = torch.full((b, f), -1)
        self._frame_index[self.frames] = torch.arange(count)
        self._question_index = torch.full((b, q, n), -1)
        self._question_index[self.questions] = torch.arange(int(self.questions.sum())) + count
        self._causal = torch.full((f, f), -torch.inf).triu(1)
        self._own = torch.full((n, n), -torch.inf).triu(1)
        self._hidden = torch.zeros(self.seen.shape).masked_fill(~self.seen, -torch.inf)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return what each token of the row finds, (tokens, heads, d).

        `query` is (heads, tokens, d), `key` and `value` are (key heads, tokens, d).
        """
        group = query.shape[0] // key.shape[0]
        q, k, v = (self._split(x) for x in (query * scale, key, value))
        k = [x.repeat_interleave(group, 1) for x in k]
        v = [x.repeat_interleave(group, 1) for x in v]
        frames = (q[0] @ k[0].transpose(2, 3) + self._causal).softmax(-1) @ v[0]
        past, own = self._question_scores(q[1], k)
        weights = torch.cat([past, own], -1).softmax(-1)
        f = past.shape[-1]
        past, own = weights[..., :f], weights[..., f:]
        if layer in self.watched:
            self.masses[layer] = (past * self.evidence[:, None, :, None]).sum(-1)
        b, h, count, n, _ = past.shape
        found = (past.reshape(b, h, count * n, f) @ v[0]).view(b, h, count, n, -1)
        found = found + own @ v[1]
        return torch.cat(
            [frames.transpose(1, 2)[self.frames], found.permute(0, 2, 3, 1, 4)[self.questions]]
        )

    def _question_scores(self, query: Tensor, keys: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the scores of question tokens against frames and against their own question."""
        b, h, count, n, d = query.shape
        past = (query.reshape(b, h, count * n, d) @ keys[0].transpose(2, 3)).view(
            b, h, count, n, -1
        )
        past = past + self._hidden[:, None, :, None]
        own = query @ keys[1].transpose(3, 4) + self._own
        return past, own

    def _split(self, row: Tensor) -> list[Tensor]:
        """Return frames, (B, heads, F, d), and questions, (B, heads, Q, n, d), of a row."""
        padded = pad(row, (0, 0, 0, 1))  # the last one stands for "no token"
        frames = padded[:, self._frame_index].transpose(0, 1)
        questions = padded[:, self._question_index].transpose(0, 1)
        return [frames, questions]


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
