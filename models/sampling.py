"""From logits to the next token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from longwatch.errors import InputError, ModelError

if TYPE_CHECKING:
    from torch import Tensor

SEEDS = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer's tokens are chosen, and what ends it. Raises `InputError` if out of range."""

    temperature: float = 0.0  # 0 to 2; 0 takes the likeliest token
    top_p: float = 1.0  # above 0, up to 1
    seed: int | None = None  # None: a new one for each answer
    max_tokens: int = 256
    stop: tuple[str, ...] = ()  # the answer ends before the first of these

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 <= self.temperature <= 2:
            raise _refusal("temperature", self.temperature, "a number from 0 to 2")
        if not 0 < self.top_p <= 1:
            raise _refusal("top_p", self.top_p, "a number above 0 and at most 1")
        if self.seed is not None and self.seed not in SEEDS:
            raise _refusal("seed", self.seed, "an integer of 64 bits")
        if self.max_tokens < 1:
            raise _refusal("max_tokens", self.max_tokens, "at least 1")
        if not isinstance(self.stop, tuple) or not all(self.stop):
            raise _refusal("stop", self.stop, "a tuple of strings, none of them empty")


class Sampler:
    """Picks the tokens of one answer; the same seed and logits give the same tokens."""

    def __init__(self, settings: Sampling) -> None:
        self.settings = settings
        self._generator = torch.Generator()
        if settings.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(settings.seed)

    def pick(self, logits: Tensor) -> int:
        """Return a token drawn by `logits`, (vocabulary,); of equal ones the first is greedy's.

        Raises `ModelError` if a logit is NaN or infinite; minus infinity rules a token out.
        """
        best = int(logits.argmax())
        top = float(logits[best])
        if not -torch.inf < top < torch.inf:
            raise ModelError(
                f"the model's largest logit is {top}, so no token can be chosen; its weights are "
                "damaged or overflow in this dtype: try float32"
            )
        if self.settings.temperature == 0:
            return best
        # Doubles, less the largest: no temperature above zero makes this overflow.
        scaled = (logits.cpu().double() - top) / self.settings.temperature
        ids, mass = _nucleus(scaled.softmax(0), self.settings.top_p)
        heap = mass.cumsum(0)
        draw = torch.rand((), dtype=heap.dtype, generator=self._generator) * heap[-1]
        return int(ids[min(int(torch.searchsorted(heap, draw, right=True)), len(ids) - 1)])


def _nucleus(probabilities: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """Return ids and mass of the fewest likeliest tokens whose mass reaches `top_p`.

    Nucleus sampling (arXiv 1904.09751); of equally likely tokens the first ones are taken.
    """
    if top_p == 1:
        return torch.arange(len(probabilities)), probabilities
    # All tokens below this floor together are outside the nucleus; sorting the others is quick.
    floor = (1 - top_p) / len(probabilities) / 2
    ids = (probabilities >= floor).nonzero().flatten()
    mass, order = probabilities[ids].sort(descending=True, stable=True)
    count = int((mass.cumsum(0) - mass < top_p).sum())
    return ids[order[:count]], mass[:count]


def _refusal(param: str, value: object, wanted: str) -> InputError:
    return InputError(f"{param} is {value!r}; it must be {wanted}", param=param)
