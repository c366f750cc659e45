"""Tokens that leave while a frame is read: an oracle, and every policy with every pruner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.compressors import PRUNERS, FastV, Pruner
from longwatch.compressors.pruner import count_of
from longwatch.memory import Full, Policy
from longwatch.memory.memory import Memory
from longwatch.memory.pruned import Pruning
from tests.memory import tiny
from tests.memory.cases import BOUNDED

if TYPE_CHECKING:
    from longwatch.models.decoder import Decoder

TEXT, SEEN = 2, 6  # tokens of a frame: its time, and its picture
VISUAL = torch.tensor([False] * TEXT + [True] * SEEN)
methods = pytest.mark.parametrize(
    "method", [pytest.param(made(), id=name) for name, made in PRUNERS.items()]
)


@pytest.fixture(scope="module")
def model() -> Decoder:
    return tiny.decoder()


def memory_of(policy: Policy, model: Decoder, method: Pruner | None) -> Memory:
    memory = Memory(policy, model.rope)
    memory.pruning = None if method is None else Pruning(method, model.layers)
    return memory


def read(model: Decoder, memory: Memory, count: int) -> torch.Tensor:
    clips = tiny.frames(count, TEXT + SEEN)
    parts = [
        tiny.read(model, memory, clip, float(i), visual=VISUAL) for i, clip in enumerate(clips)
    ]
    return torch.cat(parts)


def ask(model: Decoder, memory: Memory) -> torch.Tensor:
    question = tiny.frames(1, 3, seed=9)[0]
    context = memory.snapshot().context(model.rope, room=3)
    return model.forward(question, torch.arange(3)[None], context)


def test_fastv_equals_the_stock_layers_run_one_by_one(model: Decoder) -> None:
    """The layers below see all tokens; those above only the ones that the last looked at most."""
    clip = tiny.frames(1, TEXT + SEEN)[0]
    memory = memory_of(Full(), model, FastV(keep=0.5))
    out = tiny.read(model, memory, clip, 0.0, visual=VISUAL)

    stock = tiny.stock()
    stock.set_attn_implementation("eager")
    with torch.inference_mode():
        whole = stock(inputs_embeds=clip[None], output_attentions=True, output_hidden_states=True)
        paid = whole.attentions[0][0].mean(0)[-1, TEXT:]
        kept = paid.argsort(descending=True)[: SEEN // 2].sort().values + TEXT
        left = torch.cat([torch.arange(TEXT), kept])
        n = len(left)
        mask = torch.full((n, n), -torch.inf).triu(1)[None, None]
        tables = stock.rotary_emb(clip[None], left[None])
        hidden = whole.hidden_states[1][:, left]
        above = stock.layers[1](hidden, attention_mask=mask, position_embeddings=tables)
        expected = stock.norm(above)[0]
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=0)
    [segment] = memory.snapshot().segments
    assert segment.positions[0].tolist() == left.tolist()


@methods
@pytest.mark.parametrize("policy", BOUNDED, ids=repr)
def test_a_share_of_one_changes_nothing(model: Decoder, policy: Policy, method: Pruner) -> None:
    plain, pruned = (memory_of(policy, model, m) for m in (None, method.at(1.0)))
    assert torch.equal(read(model, plain, 6), read(model, pruned, 6))
    assert torch.equal(ask(model, plain), ask(model, pruned))
    assert plain.stats() == pruned.stats()


@methods
@pytest.mark.parametrize("policy", BOUNDED, ids=repr)
def test_every_policy_goes_on_with_what_is_left(
    model: Decoder, policy: Policy, method: Pruner
) -> None:
    half = method.at(0.5)
    one, two = memory_of(policy, model, half), memory_of(policy, model, half)
    assert torch.equal(read(model, one, 9), read(model, two, 9))
    answer = ask(model, one)
    assert answer.isfinite().all()
    assert torch.equal(answer, ask(model, two))
    stats = one.stats()
    assert stats.frames_seen == 9
    assert stats.tokens_seen == 9 * (TEXT + count_of(0.5, SEEN))


@methods
def test_every_layer_stores_the_same_tokens_the_text_among_them(
    model: Decoder, method: Pruner
) -> None:
    memory = memory_of(Full(), model, method.at(0.5))
    read(model, memory, 3)
    for segment in memory.snapshot().segments:
        sizes = {t.shape[1] for t in (*segment.keys, *segment.values)}
        assert sizes == {TEXT + SEEN // 2}
        assert segment.positions[0, :TEXT].tolist() == [0, 1]
        assert len(set(segment.positions[0].tolist())) == TEXT + SEEN // 2


@methods
def test_what_is_stored_before_is_not_touched(model: Decoder, method: Pruner) -> None:
    """A frame is decided by itself and what came before it, so a shorter stream is a prefix."""
    short, long = (memory_of(Full(), model, method.at(0.5)) for _ in range(2))
    read(model, short, 3)
    read(model, long, 5)
    for one, other in zip(short.snapshot().segments, long.snapshot().segments, strict=False):
        assert all(map(torch.equal, one.keys, other.keys))
        assert torch.equal(one.positions, other.positions)


def test_a_frame_that_is_pruned_comes_in_one_pass(model: Decoder) -> None:
    memory = memory_of(Full(), model, FastV())
    clip = tiny.frames(1, TEXT + SEEN)[0]
    with pytest.raises(ValueError, match="one pass"):
        tiny.read(model, memory, clip, 0.0, chunk=3, visual=VISUAL)
    memory.rollback()
    tiny.read(model, memory, clip, 0.0, visual=VISUAL)
    assert memory.stats().frames_seen == 1


def test_text_alone_is_never_pruned(model: Decoder) -> None:
    memory = memory_of(Full(), model, FastV(keep=0.1))
    tiny.read(model, memory, tiny.frames(1, 5)[0], None)
    tiny.read(model, memory, tiny.frames(1, 5)[0], 0.0, visual=torch.zeros(5, dtype=torch.bool))
    assert memory.stats().tokens_seen == 10
