"""The language model in training: the class that is shipped, read through the packed attention."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from transformers import Qwen2Config, Qwen2Model

from training.attention import NAME, Layout, register

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.models.soft_words import SoftWords


@dataclass(frozen=True)
class Shape:
    """The decoder's sizes."""

    vocab_size: int
    hidden_size: int = 256
    num_hidden_layers: int = 5
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    intermediate_size: int = 512
    max_position_embeddings: int = 1 << 20
    rope_theta: float = 1e9  # half of a head's pairs turn slowly enough to compare over hours


@dataclass
class Batch:
    """What one step reads: S visual tokens and R question tokens in a row, and what to learn."""

    words: Tensor  # (S, k) token ids of likely names
    p: Tensor  # (S, k)
    place: Tensor  # (S, 2), NaN for the whole frame
    colour: Tensor  # (S, colours)
    time: Tensor  # (S,) seconds
    opening: Tensor  # (S,) bool: the text that opens a stream, in place of a visual token
    text: Tensor  # (R,) token ids
    position: Tensor  # (S + R,)
    layout: Layout
    answers: Tensor  # (A,) indices into the row of the tokens that predict an answer's token
    labels: Tensor  # (A,) token ids
    weights: Tensor  # (A,) one over the answer's length
    question: Tensor  # (A,) index of the question, flat over (B, Q)
    notes: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)  # name -> (rows, classes)
    kinds: list[str] = field(default_factory=list)  # of each question, flat


HOP_LAYER = 1  # hidden states after so many layers must know what is asked for
NOTE_LAYER = 2  # and visual tokens what came before them
EVIDENCE = {2: (0, 2), 3: (0, 2)}  # layer -> heads that must look at the evidence
NOTES = {
    "entered": (NOTE_LAYER, 2),
    "episode": (NOTE_LAYER, 4),
    "previous": (NOTE_LAYER, 0),
    "left": (NOTE_LAYER, 0),
    "asked": (HOP_LAYER, 0),
    "minute": (HOP_LAYER, 60),
    "second": (HOP_LAYER, 60),
}  # 0: a word


class LanguageModel(nn.Module):
    """Qwen2, the soft words' own vectors, and linear probes that only training uses.

    After a pass `right`, (A,) bool, says which of the answers' tokens were the likeliest.
    """

    right: Tensor
    soft: SoftWords

    def __init__(self, shape: Shape, soft: SoftWords) -> None:
        """Start from random weights."""
        super().__init__()
        register()
        sizes = dict(vars(shape))
        rope = {"rope_type": "default", "rope_theta": sizes.pop("rope_theta")}
        config = Qwen2Config(**sizes, rope_parameters=rope, tie_word_embeddings=True)
        config._attn_implementation = NAME  # as transformers names it
        self.stack = Qwen2Model(config)
        self.soft = soft
        d = shape.hidden_size
        nn.init.normal_(self.stack.embed_tokens.weight, std=d**-0.5)
        nn.init.constant_(self.stack.norm.weight, 2.0)  # logits of 16 at most would learn slowly
        self.probes = nn.ModuleDict(
            {k: nn.Linear(d, n or d, bias=False) for k, (_, n) in NOTES.items()}
        )

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the answers' cross entropy, (A,), and the auxiliary losses, each a mean."""
        hidden, logits = self._read(batch)
        loss = functional.cross_entropy(logits, batch.labels, reduction="none")
        self.right = logits.argmax(-1) == batch.labels
        return loss, self._auxiliary(hidden, self.stack.embed_tokens.weight, batch)

    def logits(self, batch: Batch) -> Tensor:
        """Return the logits, (A, vocabulary), of the answers' tokens."""
        return self._read(batch)[1]

    def _read(self, batch: Batch) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return all layers' hidden states, each (1, S + R, d), and the answers' logits."""
        words = self.stack.embed_tokens.weight
        seen = self.soft(words, batch.words, batch.p, batch.place, batch.colour, batch.time)
        opening = self.soft.scale * words[batch.words[:, 0]]
        seen = torch.where(batch.opening[:, None], opening, seen)
        row = torch.cat([seen, self.soft.scale * words[batch.text]])
        batch.layout.watched = EVIDENCE
        out = self.stack(
            inputs_embeds=row[None],
            position_ids=batch.position[None],
            layout=batch.layout,
            output_hidden_states=True,
            use_cache=False,
        )
        return out.hidden_states, out.last_hidden_state[0, batch.answers] @ words.T

    def _auxiliary(
        self, hidden: tuple[Tensor, ...], words: Tensor, batch: Batch
    ) -> dict[str, Tensor]:
        losses = {}
        for name, (rows, classes) in batch.notes.items():
            layer, size = NOTES[name]
            if len(rows):
                state = functional.rms_norm(hidden[layer][0, rows], (words.shape[1],))
                said = self.probes[name](state)
                losses[name] = functional.cross_entropy(said if size else said @ words.T, classes)
        if batch.layout.proven.any():
            masses = [mass.mean(1) for mass in batch.layout.masses.values()]
            losses["evidence"] = -(torch.stack(masses) + 1e-6).log().mean()
        return losses
