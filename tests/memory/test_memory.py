"""Laws of the memory, over all policies where they hold for all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import torch

from longwatch.memory import POLICIES, Full, Policy, Window
from longwatch.memory.context import Context
from longwatch.memory.memory import Memory, Snapshot
from tests.memory import tiny
from tests.memory.cases import BOUNDED, RECALLING, UNLIMITED

if TYPE_CHECKING:
    from longwatch.memory.segment import Segment
    from longwatch.models.decoder import Decoder


@pytest.fixture(scope="module")
def model() -> Decoder:
    return tiny.decoder()


def answer(model: Decoder, snapshot: Snapshot, question: torch.Tensor) -> torch.Tensor:
    """Return the hidden states, (n, d), of `question` asked about `snapshot`."""
    context = snapshot.context(model.rope, room=len(question))
    return model.forward(question, torch.arange(len(question))[None], context)


def ask(model: Decoder, memory: Memory) -> torch.Tensor:
    return answer(model, memory.snapshot(), tiny.frames(1, 5, seed=9)[0])


def test_every_policy_of_the_table_is_tried_here() -> None:
    assert set(POLICIES.values()) == {type(p) for p in UNLIMITED + BOUNDED}


@pytest.mark.parametrize("policy", UNLIMITED, ids=repr)
@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_an_unlimited_budget_equals_the_stock_model(
    model: Decoder, policy: Policy, chunk: int
) -> None:
    """Frame by frame, in chunks of any size, gives what one stock forward gives."""
    clips = tiny.frames(9, 7)
    memory = Memory(policy, model.rope)
    ours = torch.cat([tiny.read(model, memory, c, float(i), chunk) for i, c in enumerate(clips)])
    question = tiny.frames(1, 5, seed=9)[0]
    whole = torch.cat([*clips, question])
    with torch.inference_mode():
        expected = tiny.stock()(inputs_embeds=whole[None], use_cache=False).last_hidden_state[0]
    torch.testing.assert_close(ours, expected[:63], atol=1e-5, rtol=0)
    torch.testing.assert_close(ask(model, memory), expected[63:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("policy", [p for p in BOUNDED if isinstance(p, Window)], ids=repr)
def test_a_window_reads_as_if_only_the_kept_frames_were_there(
    model: Decoder, policy: Policy
) -> None:
    """Positions close over the gap: an answer depends on the kept segments and nothing else."""
    memory = Memory(policy, model.rope)
    tiny.read_all(model, memory, tiny.frames(12, 4))
    kept = memory.snapshot().segments
    assert len(kept) < 12
    alone = Context(kept, model.rope, room=5)
    question = tiny.frames(1, 5, seed=9)[0]
    again = model.forward(question, torch.arange(5)[None], alone)
    assert torch.equal(ask(model, memory), again)
    assert alone.stored == sum(map(len, kept))


@pytest.mark.parametrize("policy", RECALLING, ids=repr)
def test_all_blocks_recalled_equal_the_same_frames_at_hand(model: Decoder, policy: Policy) -> None:
    memory = Memory(policy, model.rope)
    read: list[Segment] = []
    tiny.read(model, memory, tiny.frames(1, 3, seed=3)[0], None)
    read += memory.snapshot().segments
    for i, clip in enumerate(tiny.frames(12, 4)):
        tiny.read(model, memory, clip, float(i))
        read.append(memory.snapshot().segments[-1])
    stats = memory.stats()
    assert stats.sealed_tokens + stats.tokens_stored == 3 + 12 * 4
    assert stats.sealed_tokens > 30
    question = tiny.frames(1, 5, seed=9)[0]
    at_hand = Context(read, model.rope, room=5)
    expected = model.forward(question, torch.arange(5)[None], at_hand)
    torch.testing.assert_close(ask(model, memory), expected, atol=1e-5, rtol=0)
    assert at_hand.stored == 3 + 12 * 4


@pytest.mark.parametrize("policy", [p for p in BOUNDED if p.sealing], ids=repr)
def test_no_frame_is_both_sealed_and_at_hand_or_in_neither(model: Decoder, policy: Policy) -> None:
    memory = Memory(policy, model.rope)
    for i, clip in enumerate(tiny.frames(20, 4)):
        tiny.read(model, memory, clip, float(i))
        snapshot = memory.snapshot()
        at_hand = set(snapshot.times)
        assert len(at_hand) == len(snapshot.times)
        sealed: set[float] = set()
        if snapshot.view is not None:
            tokens, _ = snapshot.view.tokens(snapshot.view.allowed().nonzero()[0])
            sealed = set(tokens.time.tolist())
        assert not at_hand & sealed
        if policy.sealing and policy.sealing.rungs[0].max_bytes is None:
            assert at_hand | sealed == {float(t) for t in range(i + 1)}


@pytest.mark.parametrize("policy", UNLIMITED + BOUNDED, ids=repr)
@pytest.mark.parametrize("more", [0, 100])
def test_an_answer_is_bit_identical_whatever_is_read_meanwhile(
    model: Decoder, policy: Policy, more: int
) -> None:
    memory = Memory(policy, model.rope)
    tiny.read_all(model, memory, tiny.frames(6, 4))
    snapshot = memory.snapshot()
    question = tiny.frames(1, 5, seed=9)[0]
    expected = answer(model, snapshot, question)
    writer = threading.Thread(
        target=tiny.read_all, args=(model, memory, tiny.frames(more, 4, seed=3), 6.0)
    )
    writer.start()
    during = [answer(model, snapshot, question) for _ in range(20)]
    writer.join()
    during.append(answer(model, snapshot, question))
    assert memory.snapshot().frames_seen == 6 + more
    assert all(torch.equal(expected, d) for d in during)


def test_two_streams_on_one_model_never_change_each_other(model: Decoder) -> None:
    clips, others = tiny.frames(6, 4), tiny.frames(6, 5, seed=2)
    alone = Memory(Full(), model.rope)
    expected = tiny.read_all(model, alone, clips)
    first, second = Memory(Full(), model.rope), Memory(Full(), model.rope)
    mixed = []
    for i, (a, b) in enumerate(zip(clips, others, strict=True)):
        mixed.append(tiny.read(model, first, a, float(i)))
        tiny.read(model, second, b, float(i))
    assert torch.equal(torch.cat(mixed), expected)
    assert torch.equal(ask(model, first), ask(model, alone))
    assert not torch.equal(ask(model, second), ask(model, alone))


def test_a_question_sees_exactly_the_frames_committed_before_it(model: Decoder) -> None:
    memory = Memory(Full(), model.rope)
    tiny.read_all(model, memory, tiny.frames(3, 4))
    memory.begin(torch.arange(4)[None], 3.0)  # a read under way is invisible
    assert memory.snapshot().times == [0.0, 1.0, 2.0]
    memory.rollback()


def test_a_rolled_back_read_leaves_no_trace(model: Decoder) -> None:
    memory = Memory(Full(), model.rope)
    clips = tiny.frames(4, 4)
    tiny.read_all(model, memory, clips[:3])
    before, stats = ask(model, memory), memory.stats()
    draft = memory.begin(torch.arange(4)[None], 3.0)
    model.forward(clips[3], torch.arange(4)[None], draft)
    memory.rollback()
    assert memory.stats() == stats
    assert torch.equal(ask(model, memory), before)


def test_a_half_read_frame_cannot_be_committed(model: Decoder) -> None:
    memory = Memory(Full(), model.rope)
    draft = memory.begin(torch.arange(4)[None], 0.0)
    model.forward(tiny.frames(1, 4)[0][:2], torch.arange(2)[None], draft)
    with pytest.raises(ValueError, match="4 tokens were announced"):
        memory.commit()


def test_a_second_read_must_wait_for_the_first(model: Decoder) -> None:
    memory = Memory(Full(), model.rope)
    memory.begin(torch.arange(4)[None], 0.0)
    with pytest.raises(RuntimeError, match="under way"):
        memory.begin(torch.arange(4)[None], 1.0)


def test_time_never_goes_back(model: Decoder) -> None:
    memory = Memory(Full(), model.rope)
    tiny.read_all(model, memory, tiny.frames(3, 4))
    with pytest.raises(ValueError, match="cannot follow"):
        memory.begin(torch.arange(4)[None], 1.5)


@pytest.mark.parametrize("as_of", [-1.0, 0.0, 0.5, 3.0, 99.0])
def test_as_of_equals_having_asked_then(model: Decoder, as_of: float) -> None:
    clips = tiny.frames(6, 4)
    then, now = Memory(Full(), model.rope), Memory(Full(), model.rope)
    tiny.read_all(model, now, clips)
    tiny.read_all(model, then, [c for i, c in enumerate(clips) if i <= as_of])
    cut = now.snapshot().until(as_of)
    assert cut.times == then.snapshot().times
    asked = answer(model, cut, tiny.frames(1, 5, seed=9)[0])
    assert torch.equal(asked, ask(model, then))


@pytest.mark.parametrize("policy", [Full(), *RECALLING], ids=repr)
@pytest.mark.parametrize("as_of", [0.0, 4.5, 11.0])
def test_as_of_shows_the_frames_up_to_then_and_no_later_one(
    model: Decoder, policy: Policy, as_of: float
) -> None:
    memory = Memory(policy, model.rope)
    tiny.read_all(model, memory, tiny.frames(12, 4))
    cut = memory.snapshot().until(as_of)
    assert cut.as_of == float(int(as_of))
    context = cut.context(model.rope, room=5)
    model.forward(tiny.frames(1, 5, seed=9)[0], torch.arange(5)[None], context)
    assert context.stored == 4 * (int(as_of) + 1)


def test_until_keeps_the_text_that_opens_the_stream(model: Decoder) -> None:
    memory = Memory(Full(), model.rope)
    tiny.read(model, memory, tiny.frames(1, 3)[0], None)
    tiny.read_all(model, memory, tiny.frames(2, 4))
    assert [s.time for s in memory.snapshot().until(0.0).segments] == [None, 0.0]


@pytest.mark.parametrize("policy", UNLIMITED + BOUNDED, ids=repr)
def test_bytes_are_what_the_tensors_take(model: Decoder, policy: Policy) -> None:
    memory = Memory(policy, model.rope)
    tiny.read_all(model, memory, tiny.frames(8, 4))
    stats = memory.stats()
    assert stats.device_bytes == stats.tokens_stored * model.token_bytes
    assert (stats.frames_seen, stats.tokens_seen) == (8, 32)
    assert stats.newest_time == 7.0
    assert stats.archive_bytes > 0 or not stats.sealed_tokens
