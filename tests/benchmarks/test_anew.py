"""Frames that are read again give the answer of a memory that kept them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from benchmarks import anew
from benchmarks.replay import opened, read
from longwatch.memory.full import Full
from longwatch.memory.memory import Memory
from tests.benchmarks.watched import model, stream

if TYPE_CHECKING:
    import pytest

TEXT = "What did you see at 00:03?"


@torch.inference_mode()
def test_what_is_read_again_is_what_was_remembered() -> None:
    vlm, seen = model(), stream(16)
    memory = Memory(Full(), vlm.decoder.rope)
    opened(vlm, memory)
    for time, tokens in zip(seen.times, seen.tokens, strict=True):
        read(vlm, memory, vlm.frame_input(tokens, time), time)
    one = anew.remember(vlm, memory.snapshot(), TEXT, 8)
    other = anew.read_again(vlm, seen.tokens, seen.times, TEXT, 8)
    for _ in range(7):
        assert one.token == other.token
        hidden = [
            vlm.read_text([begun.token], begun.context, begun.place) for begun in (one, other)
        ]
        assert torch.allclose(hidden[0], hidden[1], atol=1e-3)
        one, other = (
            anew.Begun(b.context, int(vlm.decoder.logits(h).argmax()), b.place + 1)
            for b, h in zip((one, other), hidden, strict=True)
        )


@torch.inference_mode()
def test_passes_of_any_size_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vlm, seen = model(), stream(16)
    whole = anew.read_again(vlm, seen.tokens, seen.times, TEXT, 8)
    monkeypatch.setattr(anew, "CHUNK", 33)
    assert anew.read_again(vlm, seen.tokens, seen.times, TEXT, 8).token == whole.token
