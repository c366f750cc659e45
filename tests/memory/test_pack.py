"""Several contexts in one pass give what each gives alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.memory import Full, Longwatch
from longwatch.memory.memory import Memory
from longwatch.memory.pack import Pack
from tests.memory import tiny

if TYPE_CHECKING:
    from longwatch.memory.context import Context

MODEL = tiny.decoder()


def remembered(frames: int, seed: int, *, recall: bool) -> Context:
    """Return a context over so many frames, with something recalled in each layer if asked."""
    policy = (
        Longwatch(window_tokens=12, block_tokens=4, tokens=8, thinning=None) if recall else Full()
    )
    memory = Memory(policy, MODEL.rope)
    with torch.inference_mode():
        tiny.read_all(MODEL, memory, tiny.frames(frames, 4, seed=seed))
    return memory.snapshot().context(MODEL.rope, room=32)


def contexts(*, recall: bool) -> list[Context]:
    return [remembered(frames, seed, recall=recall) for seed, frames in enumerate((3, 9, 6))]


@torch.inference_mode()
def read(
    held: list[Context], passes: list[list[int]], *, together: bool, first: int = 0
) -> list[torch.Tensor]:
    """Run passes of so many new tokens for each context; return each one's hidden states.

    What the tokens are follows from the number of the pass, counted from `first`.
    """
    found: list[list[torch.Tensor]] = [[] for _ in held]
    for number, sizes in enumerate(passes, first):
        embeds = [tiny.frames(1, n, seed=100 * number + i)[0] for i, n in enumerate(sizes)]
        at = [torch.arange(c.length, c.length + n)[None] for c, n in zip(held, sizes, strict=True)]
        if together:
            hidden = MODEL.forward(torch.cat(embeds), torch.cat(at, 1), Pack(held, sizes))
            parts = list(hidden.split(sizes))
        else:
            parts = [MODEL.forward(*part) for part in zip(embeds, at, held, strict=True)]
        for rows, part in zip(found, parts, strict=True):
            rows.append(part)
    return [torch.cat(rows) for rows in found]


@pytest.mark.parametrize("recall", [False, True])
@pytest.mark.parametrize("passes", [[[5, 2, 7], [1, 1, 1], [1, 1, 1]], [[1, 6, 1], [3, 1, 2]]])
def test_contexts_in_one_pass_give_what_each_gives_alone(
    passes: list[list[int]], recall: bool
) -> None:
    alone = read(contexts(recall=recall), passes, together=False)
    together = read(contexts(recall=recall), passes, together=True)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_a_context_does_not_see_its_neighbours() -> None:
    passes = [[5, 2, 7], [1, 1, 1]]
    first = read(contexts(recall=True), passes, together=True)[0]
    held = contexts(recall=True)
    held[1:] = [remembered(5, seed, recall=False) for seed in (7, 8)]
    torch.testing.assert_close(read(held, passes, together=True)[0], first, atol=1e-5, rtol=0)


def test_a_pass_that_failed_can_be_run_again() -> None:
    """One layer has run when it fails; what it appended is written over."""
    held = contexts(recall=False)
    read(held, [[5, 2, 7]], together=True)
    wrong = torch.ones(4, 9, 8)
    pack = Pack(held, [3, 3, 3])
    with torch.inference_mode():
        pack.begin(torch.arange(9)[None])
        pack.attend(0, wrong, wrong[:2], wrong[:2], 1.0)
    for context, length in zip(held, (5, 2, 7), strict=True):
        context.rewind(length)
    again = read(held, [[3, 3, 3]], together=True, first=1)
    expected = read(contexts(recall=False), [[5, 2, 7], [3, 3, 3]], together=False)
    for one, other, length in zip(again, expected, (5, 2, 7), strict=True):
        torch.testing.assert_close(one, other[length:], atol=1e-5, rtol=0)


def test_a_pack_has_a_number_of_tokens_for_each_context() -> None:
    for held, sizes in (([], []), (contexts(recall=False), [1])):
        with pytest.raises(ValueError, match="numbers of tokens"):
            Pack(held, sizes)
