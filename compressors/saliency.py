"""Which tokens of a frame stand out, for methods that ask the tower's attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.compressors.similarity import unit

if TYPE_CHECKING:
    from torch import Tensor

    from longwatch.types import VisualTokens


def saliency(tokens: VisualTokens) -> Tensor:
    """Return how much each token stands out: (n,) fp32, the larger the more, comparable in a frame.

    It is the attention that the token received in the tower. A tower without attention has none to
    tell; there it is the squared distance of the token at length one from the mean of them all.
    """
    if tokens.saliency is not None:
        return tokens.saliency.float()
    x = unit(tokens.embeds)
    return (x - x.mean(0)).square().sum(-1)
