"""Exact matches of answers, teacher-forced: an answer is right when each of its tokens is."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from training.language import Batch, LanguageModel


def score(model: LanguageModel, batch: Batch) -> dict[str, list[float]]:
    """Return, for each kind, whether each question of `batch` was answered right."""
    wrong = torch.zeros(len(batch.kinds)).index_add_(0, batch.question, (~model.right).float())
    asked = torch.zeros(len(batch.kinds)).index_fill_(0, batch.question, 1)
    found: dict[str, list[float]] = defaultdict(list)
    for kind, bad, real in zip(batch.kinds, wrong.tolist(), asked.tolist(), strict=True):
        if real:
            found[kind].append(float(bad == 0))
    return found
