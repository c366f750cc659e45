"""The bundled model's projector: a visual token is a sum of words that say what, where and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

ANCHORS = 9  # places along each axis that have a vector of their own


@dataclass(frozen=True)
class Weights:
    """How loud each part of a token is; `scale` is that of every word the decoder reads."""

    scale: float
    time: float
    colour: float


class Words(NamedTuple):
    """The ids of the words that tokens are made of, besides the names of things."""

    hours: Sequence[int]
    minutes: Sequence[int]  # 60
    seconds: Sequence[int]  # 60
    colours: Sequence[int]


class SoftWords(nn.Module):
    """Turns names with probabilities, a place, a colour and a time into one vector.

    A token is scale * (sum_k p_k E[name_k] + time * (E[hour] + E[minute] + E[second]) + place
    + colour * sum_c q_c E[colour_c] + max(p) * confidence), where E are the decoder's own word
    embeddings. The first hour has no hour word, and hours count modulo the words that there are.
    A place is x + y, each between its anchors, which lie at the middles of the ninths of the
    frame; the whole frame has a vector of its own. So one set of weights serves every grid.
    """

    hours: Tensor
    minutes: Tensor
    seconds: Tensor
    colours: Tensor

    def __init__(self, width: int, words: Words, weights: Weights) -> None:
        """Start from small random places for embeddings of `width`."""
        super().__init__()
        std = 0.6 * width**-0.5
        self.x = nn.Parameter(std * torch.randn(ANCHORS, width))
        self.y = nn.Parameter(std * torch.randn(ANCHORS, width))
        self.whole = nn.Parameter(std * torch.randn(width))
        self.confidence = nn.Parameter(std * torch.randn(width))
        self.weights = weights
        for name, ids in zip(Words._fields, words, strict=True):
            self.register_buffer(name, torch.tensor(ids), persistent=False)

    @property
    def scale(self) -> float:
        """What the embeddings of text are multiplied by as well."""
        return self.weights.scale

    def forward(
        self, words: Tensor, ids: Tensor, p: Tensor, place: Tensor, colour: Tensor, time: Tensor
    ) -> Tensor:
        """Return n tokens, (n, d).

        Args:
            words: (v, d) the decoder's word embeddings, unscaled.
            ids: (n, k) int64 the likeliest names.
            p: (n, k) their probabilities.
            place: (n, 2) x and y of the middle of a cell, 0 to 1; NaN for the whole frame.
            colour: (n, colours) a distribution over the colour words.
            time: (n,) seconds, cut to whole ones.
        """
        soft = torch.einsum("nk,nkd->nd", p, words[ids])
        sure = p.amax(1, keepdim=True) * self.confidence
        ground = self.weights.colour * (colour @ words[self.colours])
        when = self.weights.time * self._when(words, time)
        return self.weights.scale * (soft + when + self._where(place) + ground + sure)

    def _when(self, words: Tensor, time: Tensor) -> Tensor:
        minutes, second = time.long().div(60, rounding_mode="floor"), time.long() % 60
        hour, minute = minutes.div(60, rounding_mode="floor"), minutes % 60
        hour = hour % len(self.hours)
        late = (hour > 0).to(words.dtype)[:, None] * words[self.hours[hour]]
        return words[self.minutes[minute]] + words[self.seconds[second]] + late

    def _where(self, place: Tensor) -> Tensor:
        whole = place.isnan().any(-1, keepdim=True)
        x, y = place.nan_to_num(0.5).to(self.x.dtype).unbind(-1)
        return torch.where(whole, self.whole, _between(self.x, x) + _between(self.y, y))


def _between(anchors: Tensor, at: Tensor) -> Tensor:
    """Return the anchors' (a, d) values at `at`, (n,) in 0 to 1, linear in between."""
    last = len(anchors) - 1
    u = (at * len(anchors) - 0.5).clamp(0, last)
    low = u.long().clamp(max=last - 1)
    share = (u - low)[:, None]
    return anchors[low] * (1 - share) + anchors[low + 1] * share


def likely(probabilities: Tensor, classes: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the ids and the probabilities, both (n, k), of the likeliest names.

    `probabilities`, (n, c or more), are those of columns; column i stands for the name with id
    `classes`[i]. Columns of one name count together, those without a name not at all.
    """
    named = probabilities[:, : len(classes)]
    merged = named.new_zeros(len(named), int(classes.max()) + 1).index_add_(1, classes, named)
    p, ids = merged.topk(k)
    return ids, p
