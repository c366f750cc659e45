"""The bounded buffer: order, bounds, policies, wake-ups."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwatch.errors import ClosedError, ConfigError
from longwatch.stream.buffer import DropPolicy, LatestBuffer
from longwatch.types import Frame

DEADLINE = 10.0
IMAGE = np.zeros((2, 2, 3), np.uint8)


def frame(index: int) -> Frame:
    return Frame(IMAGE, index / 10, index)


def contents(buffer: LatestBuffer) -> list[int]:
    return [f.index for f in iter(buffer.get_nowait, None)]


@given(
    st.sampled_from([DropPolicy.DROP_OLDEST, DropPolicy.DROP_NEWEST]),
    st.integers(1, 4),
    st.lists(st.booleans(), max_size=40),
)
def test_a_dropping_buffer_does_what_a_list_would(
    policy: DropPolicy, capacity: int, puts: list[bool]
) -> None:
    buffer, model, lost = LatestBuffer(capacity, policy), deque[int](), 0
    for index, is_put in enumerate(puts):
        if not is_put:
            got = buffer.get_nowait()
            assert (got.index if got else None) == (model.popleft() if model else None)
            continue
        dropped = buffer.put(frame(index))
        if len(model) < capacity:
            assert dropped is None
            model.append(index)
            continue
        lost += 1
        model.append(index)
        gone = model.popleft() if policy is DropPolicy.DROP_OLDEST else model.pop()
        assert dropped is not None
        assert dropped.index == gone
    assert buffer.dropped == lost
    assert len(buffer) == len(model)
    assert contents(buffer) == list(model)


@pytest.mark.parametrize("policy", list(DropPolicy))
def test_the_consumer_is_woken_for_what_goes_in_and_only_then(policy: DropPolicy) -> None:
    woken: list[int] = []
    buffer = LatestBuffer(2, policy, on_put=lambda: woken.append(len(buffer)))
    buffer.put(frame(0))
    buffer.put(frame(1))
    assert woken == [1, 2]
    if policy is DropPolicy.DROP_NEWEST:
        buffer.put(frame(2))
        assert woken == [1, 2]


def test_block_waits_for_room_and_loses_nothing() -> None:
    buffer = LatestBuffer(2, "block")
    producer = threading.Thread(target=lambda: [buffer.put(frame(k)) for k in range(50)])
    producer.start()
    seen = []
    for _ in range(50):
        got = buffer.get(DEADLINE)
        assert got is not None
        assert len(buffer) <= 2
        seen.append(got.index)
    producer.join(DEADLINE)
    assert seen == list(range(50))
    assert buffer.dropped == 0


def test_closing_wakes_a_producer_that_waits() -> None:
    buffer = LatestBuffer(1, "block")
    buffer.put(frame(0))
    raised = threading.Event()

    def push() -> None:
        try:
            buffer.put(frame(1))
        except ClosedError:
            raised.set()

    producer = threading.Thread(target=push)
    producer.start()
    buffer.close()
    assert raised.wait(DEADLINE)
    producer.join(DEADLINE)


def test_closing_wakes_a_consumer_that_waits() -> None:
    buffer, got = LatestBuffer(), []
    consumer = threading.Thread(target=lambda: got.append(buffer.get()))
    consumer.start()
    buffer.close()
    consumer.join(DEADLINE)
    assert got == [None]


def test_a_closed_buffer_gives_what_it_holds_and_takes_nothing() -> None:
    buffer = LatestBuffer()
    buffer.put(frame(0))
    buffer.close()
    buffer.close()
    with pytest.raises(ClosedError):
        buffer.put(frame(1))
    assert buffer.get() is not None
    assert buffer.get() is None


def test_waiting_for_room_ends_with_room_with_time_and_with_the_buffer() -> None:
    buffer = LatestBuffer(1)
    assert buffer.wait_room(0.0)
    buffer.put(frame(0))
    assert not buffer.wait_room(0.0)
    assert buffer.get(0.0) is not None
    assert buffer.get(0.0) is None
    buffer.put(frame(1))
    buffer.close()
    assert buffer.wait_room()


@pytest.mark.parametrize("settings", [(0, "block"), (2, "drop_all")])
def test_settings_that_make_no_sense_are_refused(settings: tuple[int, str]) -> None:
    with pytest.raises(ConfigError):
        LatestBuffer(*settings)
