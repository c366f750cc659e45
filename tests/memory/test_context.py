"""One buffer for what is stored and what is new."""

from __future__ import annotations

import pytest
import torch

from longwatch.memory import Full, context
from longwatch.memory.context import Context
from longwatch.memory.memory import Memory
from tests.memory import tiny


@pytest.fixture
def memory() -> Memory:
    model = tiny.decoder()
    memory = Memory(Full(), model.rope)
    tiny.read_all(model, memory, tiny.frames(3, 4))
    return memory


def decode(memory: Memory, room: int, passes: list[int]) -> tuple[Context, torch.Tensor]:
    """Run as many new tokens as `passes` say, a number each; return all hidden states."""
    model, found = tiny.decoder(), []
    (embeds,) = tiny.frames(1, sum(passes), seed=9)
    answer = Context(memory.snapshot().segments, model.rope, room=room)
    for part in embeds.split(passes):
        places = torch.arange(answer.length, answer.length + len(part))[None]
        found.append(model.forward(part, places, answer))
    return answer, torch.cat(found)


@pytest.mark.parametrize("passes", [[1] * 12, [3, 1, 7, 1], [3, 9], [12]])
def test_a_buffer_that_grows_gives_what_a_large_one_gives(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, passes: list[int]
) -> None:
    _, large = decode(memory, 12, passes)
    monkeypatch.setattr(context, "ROOM", 2)
    _, grown = decode(memory, 12, passes)
    torch.testing.assert_close(grown, large, atol=1e-6, rtol=0)


def test_an_answer_that_may_be_long_takes_no_more_room_than_it_needs(memory: Memory) -> None:
    short, _ = decode(memory, 5, [5])
    long, _ = decode(memory, 100_000, [5])
    assert [buffer.keys.shape[1] for buffer in short._buffers.values()] == [12 + 5] * 2
    assert [buffer.keys.shape[1] for buffer in long._buffers.values()] == [12 + context.ROOM] * 2


def test_more_tokens_than_were_announced_are_refused(memory: Memory) -> None:
    with pytest.raises(ValueError, match="room for 4 tokens got 5"):
        decode(memory, 4, [3, 2])


def test_layers_come_after_the_pass_was_announced() -> None:
    answer = Context((), tiny.decoder().rope, room=1)
    x = torch.zeros(2, 1, 8)
    with pytest.raises(RuntimeError, match="announces a pass"):
        answer.attend(0, x, x, x, 1.0)
