"""How sure a model is of its next word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

TOP = 10  # words that are looked at


def entropy(logits: Tensor) -> float:
    """Return the entropy, in nats, of the ten likeliest of (words,) logits among themselves.

    It is 0 when the model is sure and 2.3 when ten words are alike. WeaveTime's gate (CVPR 2026)
    takes the mean of it over the last four layers; this is the last one's.
    """
    best = logits.float().topk(min(TOP, len(logits))).values
    return float(torch.special.entr(best.softmax(0)).sum())
