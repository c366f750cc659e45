"""The text half of a model behind the seam."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks import text_models
from longwatch.memory.context import Context
from longwatch.models.decoder import Decoder

names = pytest.mark.parametrize("name", text_models.ACCEPTED)


def make(name: str, **kwargs: object) -> Decoder:
    model = text_models.build(*text_models.ACCEPTED[name])
    return Decoder(model, nn.Linear(64, 10), **kwargs)  # type: ignore[arg-type]


def run(decoder: Decoder, x: torch.Tensor, chunks: list[int]) -> torch.Tensor:
    context = Context((), decoder.rope, room=len(x))
    positions = torch.arange(len(x)).expand(decoder.rope.axes, len(x))
    parts = zip(x.split(chunks), positions.split(chunks, 1), strict=True)
    return torch.cat([decoder.forward(part, at, context) for part, at in parts])


@names
@pytest.mark.parametrize("chunks", [[20], [12, 8], [1] * 20], ids=["whole", "two", "singly"])
def test_reading_in_passes_equals_the_stock_forward(name: str, chunks: list[int]) -> None:
    x = torch.randn(20, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        stock = text_models.build(*text_models.ACCEPTED[name])
        expected = stock(inputs_embeds=x[None], use_cache=False).last_hidden_state[0]
    torch.testing.assert_close(run(make(name), x, chunks), expected, atol=1e-4, rtol=0)


@names
def test_two_passes_at_once_never_meet(name: str) -> None:
    """The model keeps nothing: contexts that take turns get what each gets alone."""
    decoder = make(name)
    generator = torch.Generator().manual_seed(0)
    clips = [torch.randn(8, 64, generator=generator) for _ in range(2)]
    alone = [run(decoder, x, [1] * 8) for x in clips]
    contexts = [Context((), decoder.rope, room=8) for _ in clips]
    turns: list[list[torch.Tensor]] = [[], []]
    for i in range(8):
        at = torch.full((decoder.rope.axes, 1), i)
        for x, context, out in zip(clips, contexts, turns, strict=True):
            out.append(decoder.forward(x[i : i + 1], at, context))
    for expected, out in zip(alone, turns, strict=True):
        assert torch.equal(torch.cat(out), expected)


def test_ids_beyond_the_table_have_vectors_of_their_own() -> None:
    newline = torch.full((64,), 3.0)
    decoder = make("Qwen2", own={64: newline})
    out = decoder.embed([5, 64, 5])
    assert torch.equal(out[1], newline)
    assert torch.equal(out[0], out[2])
    assert torch.equal(out[0], decoder.embed([5])[0])


def test_logits_are_fp32() -> None:
    model = text_models.build(*text_models.ACCEPTED["Qwen2"]).bfloat16()
    decoder = Decoder(model, nn.Linear(64, 10).bfloat16())
    hidden = run(decoder, torch.randn(3, 64), [3])
    assert hidden.dtype == torch.bfloat16
    assert decoder.logits(hidden).dtype == torch.float32


def test_more_tokens_than_there_is_room_for_are_refused() -> None:
    decoder = make("Qwen2")
    context = Context((), decoder.rope, room=3)
    with pytest.raises(ValueError, match="room for 3"):
        decoder.forward(torch.zeros(4, 64), torch.arange(4)[None], context)
