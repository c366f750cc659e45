"""Laws of work that waits for a free moment."""

from __future__ import annotations

import queue
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.fairness import PATIENCE, SHARE, IdleQueue
from longwatch.serve.engine.settings import EngineSettings
from tests.support.tiny import DEADLINE, Listener, TinyVideoLM, feed, frame, question

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(TinyVideoLM(), EngineSettings())
    engine.start()
    yield engine
    engine.close()


def test_a_job_runs_at_once_where_nobody_waits() -> None:
    spare, done = IdleQueue(Clock()), list[int]()
    for number in range(3):
        spare.offer(partial(done.append, number))
    for _ in range(3):
        spare.run(busy=False)
    assert done == [0, 1, 2]
    spare.run(busy=False)
    assert not spare


def test_under_load_a_job_waits_but_not_for_ever() -> None:
    clock, done = Clock(), list[int]()
    spare = IdleQueue(clock)
    clock.time = 100.0
    spare.offer(lambda: done.append(1))
    spare.run(busy=True)
    assert not done
    clock.time += PATIENCE
    spare.run(busy=True)
    assert done == [1]


def test_under_load_jobs_take_no_more_than_their_share() -> None:
    clock, took = Clock(), 0.0
    spare = IdleQueue(clock)

    def job() -> None:
        nonlocal took
        clock.time += 2.0
        took += 2.0
        spare.offer(job)

    spare.offer(job)
    while clock.time < 1000:
        spare.run(busy=True)
        clock.time += 0.01
    assert 0.5 * SHARE < took / clock.time <= SHARE + 0.01


def test_the_engine_does_a_job_on_the_model_s_thread_with_nothing_else_to_do(
    engine: Engine,
) -> None:
    names: queue.Queue[str] = queue.Queue()
    engine.run_when_idle(lambda: names.put(threading.current_thread().name))
    assert names.get(timeout=DEADLINE) == "longwatch-model"


def test_the_engine_does_a_job_while_answers_go_on(engine: Engine) -> None:
    feed(engine.open_stream("a"), [frame(0)])
    listener, done = Listener(), threading.Event()
    answer = engine.ask("a", question(tokens=4096), listener)
    engine.run_when_idle(done.set)
    assert done.wait(DEADLINE)
    answer.cancel()
    listener.done()
