"""One step of training: two processes of one thread each, their gradients averaged."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from training.muon import Muon
from training.together import average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from training.language import Batch, LanguageModel

MUON = 4e-3  # learning rate of the layers' matrices
WORDS = 4e-4  # of the word embeddings: names that move about are hard to copy
ADAMW = 2e-3  # of everything else
CLIP = 1.0


class Optimiser:
    """Muon for the layers' matrices (arXiv 2502.16982), AdamW for words, norms and biases."""

    def __init__(self, model: LanguageModel) -> None:
        """Take all of the model's parameters."""
        matrices = [p for p in model.stack.layers.parameters() if p.ndim == 2]
        words = [model.stack.embed_tokens.weight]
        chosen = {id(p) for p in matrices + words}
        rest = [p for p in model.parameters() if id(p) not in chosen]
        muon = Muon(matrices, lr=MUON)
        self.parts = ((muon, MUON), (_adamw(words), WORDS), (_adamw(rest), ADAMW))
        self.parameters = [*matrices, *words, *rest]

    def step(self, loss: Tensor, rate: float) -> float:
        """Follow the gradient of `loss` at `rate` times the full rates; return its norm.

        Where the norm is not finite nothing changes.
        """
        loss.backward()
        for p in self.parameters:
            if p.grad is None:  # an optimiser would pass it over, and its momentum with it
                p.grad = torch.zeros_like(p)
        average(self.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        for optimiser, full in self.parts:
            for group in optimiser.param_groups:
                group["lr"] = full * rate
            if math.isfinite(norm):
                optimiser.step()
            optimiser.zero_grad(set_to_none=False)
        return float(norm)

    def state(self) -> list[dict[str, object]]:
        """Return what `load` needs."""
        return [optimiser.state_dict() for optimiser, _ in self.parts]

    def load(self, states: list[dict[str, object]]) -> None:
        """Go on from `state`."""
        for (optimiser, _), state in zip(self.parts, states, strict=True):
            optimiser.load_state_dict(state)


def _adamw(parameters: Sequence[Tensor]) -> torch.optim.AdamW:
    return torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=0.0)


SHARES = {"evidence": 2.5, "previous": 0.1, "left": 0.1}  # of the auxiliary weight


def total(batch: Batch, losses: Tensor, extra: dict[str, Tensor], weight: float) -> Tensor:
    """Return the loss: the mean over questions, and `weight` times each auxiliary loss."""
    answers = (losses * batch.weights).sum() / batch.weights.sum()
    others = [SHARES.get(name, 1.0) * value for name, value in extra.items()]
    return answers + weight * sum(others, torch.zeros(()))
