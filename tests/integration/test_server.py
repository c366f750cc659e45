"""The service as a process: its start, its end, and what keeps it from starting."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from longwatch.errors import ConfigError, LongwatchError
from longwatch.serve.api.app import create_app
from longwatch.serve.config import Settings
from longwatch.serve.server import Server, bind, run, running, url_of
from tests.support.peer import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Live

PROGRAM = """
import sys
from longwatch.serve.config import load_settings
from longwatch.serve.server import run
run(load_settings({"port": 0, "threads": 1}))
print("in order", file=sys.stderr)
"""


@contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the service; yield it and its URL once it says that it is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as child:
        timer = threading.Timer(DEADLINE * 2, child.kill)
        timer.start()
        try:
            lines = iter(child.stderr or [])
            ready = next(line for line in lines if "ready: bundled answers at" in line)
            yield child, next(word for word in ready.split() if word.startswith("http"))
        finally:
            timer.cancel()
            child.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order(number: signal.Signals) -> None:
    with process() as (child, url):
        with urlopen(f"{url}/readyz") as reply:
            assert reply.status == 200
        child.send_signal(number)
        _, rest = child.communicate(timeout=DEADLINE)
    assert child.returncode == 0
    assert rest.endswith("in order\n")
    assert "Traceback" not in rest


def test_a_port_in_use_is_said_before_the_model_is_loaded() -> None:
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{port}.*--port"):
            run(Settings(port=port, model="there is no such model"))


def test_a_port_that_was_taken_meanwhile_is_said_so_too(
    tiny: Live, caplog: pytest.LogCaptureFixture
) -> None:
    with bind("127.0.0.1", 0) as taken:
        settings = Settings(port=taken.getsockname()[1])
        with bind("127.0.0.1", settings.port) as late:  # both are bound, and nobody listens yet
            taken.listen()
            server = Server(create_app(tiny.engine, settings), settings, lambda: None)
            with pytest.raises(ConfigError, match=f"{settings.port}.*--port"):
                asyncio.run(server.serve([late]))
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_host_that_is_not_ours_is_said_so() -> None:
    for host in ("no.such.host.invalid", "192.0.2.1"):
        with pytest.raises(ConfigError, match=host):
            bind(host, 0)


def test_an_unknown_model_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    threads = threading.active_count()
    with pytest.raises(LongwatchError, match="no-such-model"):
        run(Settings(port=port, model="no-such-model"))
    assert threading.active_count() == threads
    bind("127.0.0.1", port).close()


def test_an_address_is_shown_as_a_url() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    if socket.has_ipv6:
        with bind("::1", 0) as listener:
            assert url_of(listener).startswith("http://[::1]:")


def test_a_service_in_a_thread_leaves_its_engine_running(tiny: Live) -> None:
    threads = threading.active_count()
    with running(tiny.engine, Settings(port=0)) as url, urlopen(f"{url}/healthz") as reply:
        assert reply.status == 200
    assert threading.active_count() == threads
    assert tiny.engine.alive
