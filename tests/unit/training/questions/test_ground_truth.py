"""Answers are those that somebody who looks at each frame would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from longwatch.models.answer_words import (
    CANNOT_TELL,
    NEVER,
    NOTHING,
    clock,
    count,
    listed,
    often,
    places,
)
from tests.support.watched import NAMES, entries, frames_of, shown, truths
from training.questions import ground_truth

if TYPE_CHECKING:
    from training.questions import Truth

WORDS = st.sampled_from(["low", *NAMES])


@settings(max_examples=60, deadline=None)
@given(truths(), WORDS)
def test_answers_about_a_thing(drawn: tuple[Truth, int], word: str) -> None:
    truth, now = drawn
    look = frames_of(truth, word, now)
    times = [clock(truth.times[k]) for k in look] or [NEVER]
    assert ground_truth.first(truth, now, word).answers == (times[0],)
    assert ground_truth.last(truth, now, word).answers == (times[-1],)
    assert ground_truth.was_there(truth, now, word).frames == tuple(look)
    assert ground_truth.was_there(truth, now, word).answers == ("yes" if look else "no",)
    assert ground_truth.is_there(truth, now, word).answers == ("yes" if now in look else "no",)
    members = truth.members(word)
    came = [name for _, name in entries(truth, now) if name in members]
    assert ground_truth.how_often(truth, now, word).answers == (often(len(came)),)


@settings(max_examples=60, deadline=None)
@given(truths(), WORDS)
def test_where_a_thing_is(drawn: tuple[Truth, int], word: str) -> None:
    truth, now = drawn
    time, members = truth.times[now], truth.members(word)
    found = [e.where(time) for e in truth.world.visible(time) if e.name in members]
    fact = ground_truth.where(truth, now, word)
    if len(found) > 1:
        assert fact is None
    else:
        assert fact is not None
        assert fact.answers == (places(found[0]) if found and found[0] else (CANNOT_TELL,))


@settings(max_examples=100, deadline=None)
@given(truths(), st.data())
def test_what_came_after_and_before(drawn: tuple[Truth, int], data: st.DataObject) -> None:
    truth, now = drawn
    came = entries(truth, now)
    assume(came)
    word = data.draw(st.sampled_from(sorted({name for _, name in came})))
    entry = max(frame for frame, name in came if name == word)
    later, sooner = ground_truth.after(truth, now, word), ground_truth.before(truth, now, word)
    if word in truth.groups or [frame for frame, _ in came].count(entry) > 1:
        assert later is None
        assert sooner is None
        return
    next_ones = [frame for frame, _ in came if frame > entry]
    last_ones = [frame for frame, _ in came if frame < entry]
    for fact, frames, best in ((later, next_ones, min), (sooner, last_ones, max)):
        right = {name for frame, name in came if frames and frame == best(frames)} or {NOTHING}
        if word in right:
            assert fact is None
        else:
            assert fact is not None
            assert right <= set(fact.answers)
            assert fact.answers[0] in right


@settings(max_examples=60, deadline=None)
@given(truths())
def test_what_came_before_all_else(drawn: tuple[Truth, int]) -> None:
    truth, now = drawn
    came = entries(truth, now)
    fact = ground_truth.beginning(truth, now)
    if not came:
        assert fact == ground_truth.Fact((NOTHING,))
        return
    first = min(frame for frame, _ in came)
    names = {name for frame, name in came if frame == first}
    assert fact.frames == (first,)
    assert set(fact.names) == names
    assert set(fact.answers) == {*listed(sorted(names)), *names}


@settings(max_examples=30, deadline=None)
@given(truths())
def test_nothing_is_said_of_things_that_were_never_there(drawn: tuple[Truth, int]) -> None:
    truth, now = drawn
    for fact in (ground_truth.after(truth, now, "ghost"), ground_truth.before(truth, now, "ghost")):
        assert fact == ground_truth.Fact((CANNOT_TELL,), (), ("ghost",))


@settings(max_examples=60, deadline=None)
@given(truths())
def test_answers_about_frames(drawn: tuple[Truth, int]) -> None:
    truth, now = drawn
    names = shown(truth, now)
    assert " and ".join(names) in (*ground_truth.shown(truth, [now]).answers, "")
    fact = ground_truth.shown(truth, truth.second(now, now))
    assert fact.answers[0] == ground_truth.shown(truth, [now]).answers[0]
    assert fact.names == tuple(name for name, _ in truth.things(now))
    assert ground_truth.ground(truth, [now]).answers == (truth.background(now),)
    described = ground_truth.described_at(truth, [now]).answers
    assert all(text.endswith(f", {truth.background(now)} background") for text in described)
    assert all(name in text for name in names for text in described)
    many = ground_truth.how_many(truth, now)
    assert many.answers == (count(len({name for _, name in entries(truth, now)})),)
