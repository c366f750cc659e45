"""Passes that get narrower between layers, over every family of text model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from benchmarks import text_models
from longwatch.errors import UnsupportedModelError
from longwatch.memory.context import Context
from longwatch.models.decoder import Decoder
from longwatch.models.narrowing import narrowing

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

names = pytest.mark.parametrize("name", text_models.ACCEPTED)


class Narrow(Context):
    """Lets through what a function says, after the first layer."""

    narrows = (0,)

    def __init__(self, decoder: Decoder, room: int, let: Callable[[Tensor], Tensor]) -> None:
        super().__init__((), decoder.rope, room=room)
        self._let = let

    def narrow(self, layer: int, hidden: Tensor) -> Tensor:
        """Take away the last tokens, which no other has seen."""
        left = self._let(hidden)
        self.length = len(left)
        if self._positions is not None:
            self._positions = self._positions[:, : self.length]
        self._rotaries, self._masks = {}, {}
        return left


def run(decoder: Decoder, context: Context, n: int) -> Tensor:
    x = torch.randn(n, 64, generator=torch.Generator().manual_seed(0))
    return decoder.forward(x, torch.arange(n).expand(decoder.rope.axes, n), context)


@names
def test_tokens_that_stay_get_what_they_would_without_later_ones(name: str) -> None:
    decoder = Decoder(text_models.build(*text_models.ACCEPTED[name]), nn.Identity())
    plain = run(decoder, Context((), decoder.rope, room=9), 9)
    narrow = run(decoder, Narrow(decoder, 9, lambda hidden: hidden[:5]), 9)
    torch.testing.assert_close(narrow, plain[:5], atol=1e-5, rtol=0)
    again = run(decoder, Context((), decoder.rope, room=9), 9)
    assert torch.equal(again, plain)  # nothing of it stays on the model


def test_no_token_may_leave_before_the_features_of_deep_layers_are_added() -> None:
    decoder = Decoder(text_models.build(*text_models.ACCEPTED["Qwen2"]), nn.Identity())
    step = Narrow(decoder, 3, lambda hidden: hidden)
    with pytest.raises(UnsupportedModelError, match="first 3 layers"), narrowing([], step, 3):
        pass


def test_layers_that_put_out_more_than_hidden_states_are_refused() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, None]:
            return x, None

    decoder = Decoder(text_models.build(*text_models.ACCEPTED["Qwen2"]), nn.Identity())
    step, layer = Narrow(decoder, 3, lambda hidden: hidden), Pair()
    with (
        narrowing([layer], step, 0),
        pytest.raises(UnsupportedModelError, match="Pair"),
    ):
        layer(torch.zeros(1, 2, 4))
