"""Whether the service says truly that it can work."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx

from longwatch.memory.durable.vault import Vault
from longwatch.memory.durable.writer import Writer, WriterSettings
from longwatch.serve.api.status import Readiness
from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.persistence import StreamPersistence
from longwatch.serve.service import Draining
from tests.support import tiny as t
from tests.support.peer import DEADLINE
from tests.support.service import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_engine_that_was_not_started_or_was_closed_is_not_ready() -> None:
    engine = Engine(t.TinyVideoLM())
    readiness = Readiness(engine, Draining(), 30.0)
    assert readiness.reasons() == ["model_stopped"]
    engine.start()
    assert readiness.reasons() == []
    engine.close()
    assert readiness.reasons() == ["model_stopped"]


def test_a_step_that_does_not_end_makes_the_service_not_ready_until_it_does() -> None:
    go_on = threading.Event()

    def hang() -> None:
        go_on.wait(DEADLINE)

    with serve(t.TinyVideoLM(), stuck_seconds=0.05) as live:
        live.engine.run_soon(hang)
        try:
            with httpx.Client(base_url=live.url) as http:
                until(lambda: http.get("/readyz").status_code == 503)
                reply = http.get("/readyz")
                assert reply.json() == {"status": "not_ready", "reason": "model_stuck"}
                assert http.get("/healthz").status_code == 200
                metrics = http.get("/metrics").text
                assert "longwatch_ready 0.0" in metrics
                assert http.get("/v1/status").json()["step_s"] > 0.05
                go_on.set()
                until(lambda: http.get("/readyz").status_code == 200)
        finally:
            go_on.set()


def test_a_disk_that_takes_nothing_makes_the_service_not_ready_until_it_does(
    tmp_path: Path,
) -> None:
    full = threading.Event()
    full.set()

    def write() -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")

    writer = Writer(WriterSettings(retry_seconds=0.01, retry_seconds_most=0.02))
    writer.start()
    with closing(StreamPersistence(Vault(tmp_path), writer)) as keeping:
        engine = Engine(t.TinyVideoLM(), persistence=keeping)
        engine.start()
        with closing(engine):
            readiness = Readiness(engine, Draining(), 30.0)
            assert readiness.reasons() == []
            writer.offer(write)
            until(lambda: readiness.reasons() == ["disk_full"])
            full.clear()
            until(lambda: readiness.reasons() == [])


def test_the_end_of_the_service_is_the_first_reason() -> None:
    draining = Draining()
    draining.begin(10)
    readiness = Readiness(Engine(t.TinyVideoLM()), draining, 30.0)
    assert readiness.reasons() == ["draining", "model_stopped"]
