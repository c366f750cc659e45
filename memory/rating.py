"""The importance of a frame's tokens: the attention that a second reading of the frame pays them.

KVzip (arXiv 2505.23416) has the model repeat its context and keeps the keys and values that the
repetition attends to: whatever will be asked, they suffice to say the context again. Here a frame
is repeated right after it was read, behind a few words that announce it, so the rating needs no
question, no later frame and no copy of the input. Differences from the paper: one choice of tokens
serves all heads and layers, because a sealed block has one list of tokens; and only the later half
of the layers rates, where the repetition looks for content (the earlier half looks for neighbours;
`docs/decisions/014-pretrained.md` has both).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from longwatch.memory.attention import causal
from longwatch.memory.context import Context, Draft

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.memory.segment import Segment

WORDS = 64  # tokens at most of the text that announces the repetition


class RatedDraft(Draft):
    """A draft whose frame is read twice; the second reading leaves nothing but importances.

    The importance of a token is the largest share of attention that a token of the repetition pays
    it, averaged over heads and over the later half of the layers. It is between 0 and 1. A token
    that says what earlier frames said has to share the attention with them, so a frame that
    repeats is worth less than one that is new.
    """

    rates = True

    def __init__(self, *given: Any, positions: Tensor, **named: Any) -> None:
        """Begin as `Draft` does, with room for the words and the repetition."""
        spare = positions.shape[1] + WORDS
        super().__init__(*given, positions=positions, spare=spare, **named)
        self._rating = self._raters = False
        self._paid: dict[int, Tensor] = {}  # by layer, (heads, n) fp32

    def rate(self, raters: bool) -> None:  # noqa: D102
        self._rating, self._raters = True, raters

    def attend(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        if self._rating:
            return Context.attend(self, layer, query, key, value, scale)
        return super().attend(layer, query, key, value, scale)

    def look(  # noqa: D102
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float
    ) -> Tensor:
        out = super().look(layer, query, key, value, scale)
        if self._raters and layer >= len(self._keys) // 2:
            first = self._buffers[layer].stored
            paid = _paid(query, self.keys(layer), slice(first, first + self.tokens), scale)
            known = self._paid.get(layer)
            self._paid[layer] = paid if known is None else torch.maximum(known, paid)
        return out

    def segment(self) -> Segment:  # noqa: D102
        segment = super().segment()
        if self._paid:
            rated = torch.stack(list(self._paid.values())).mean((0, 1))
            segment = replace(segment, importance=rated.cpu())
        return segment


def _paid(query: Tensor, keys: Tensor, at: slice, scale: float) -> Tensor:
    """Return (heads, k) fp32, the most attention that one of n tokens pays the keys `at`.

    `query`, (heads, n, d), has the last n of the m tokens of `keys`, (h, m, d); both are rotated.
    """
    (heads, n, d), h = query.shape, len(keys)
    mask = causal(query, keys)
    found = []
    for rows, here in zip(query.reshape(h, heads // h * n, d), keys, strict=True):
        scores = (rows.float() @ here.float().T) * scale  # (g * n, m)
        if mask is not None:
            scores += mask
        share = scores.softmax(-1)[:, at]
        found.append(share.reshape(heads // h, n, -1).amax(1))
    return torch.cat(found)
