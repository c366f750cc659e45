"""`longwatch top` against the real service, and on a real terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from longwatch.cli.main import run
from longwatch.cli.top import size
from longwatch.client import connect
from longwatch.serve.auth.keys import KeyFile
from tests.integration.watches.test_runner import THING
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM
from tests.unit.client.test_watches import show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.service import Live

DEADLINE = 60.0  # seconds
QUICK = ["--interval", "0.1"]


def feed(live: Live, name: str) -> None:
    async def fed() -> None:
        async with connect(live.url) as client:
            await show(client, name, THING)

    asyncio.run(fed())


@pytest.fixture(scope="module")
def fed(live: Live) -> str:
    feed(live, "top-a")
    return "top-a"


def test_one_table_names_each_stream_and_what_it_costs(
    live: Live, fed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["top", "--once", *QUICK, "--url", live.url]) == 0
    out = capsys.readouterr().out
    assert "bundled on cpu" in out
    assert "ready" in out
    line = next(line for line in out.splitlines() if line.startswith(fed))
    assert "ended (publisher_ended)" in line
    assert "0+0" in line


def test_the_same_can_be_had_as_json(
    live: Live, fed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["top", "--json", *QUICK, "--url", live.url]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["status"]["not_ready"] == []
    row = next(row for row in found["streams"] if row["stream"] == fed)
    assert row["fps_in"] == 0.0
    assert row["tokens"] > 0
    assert row["device_bytes"] > 0
    assert row["questions"] == {"running": 0, "waiting": 0}


def test_a_key_that_may_not_manage_sees_its_streams_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.json"
    _, token = KeyFile(file).add("me", ["ask"], ["*"], None)
    with serve(TinyVideoLM(), keys=str(file)) as live:
        assert run(["top", "--once", *QUICK, "--url", live.url, "--api-key", token]) == 0
        assert "no streams" in capsys.readouterr().out
        assert run(["top", "--once", *QUICK, "--url", live.url, "--api-key", "lwk_no"]) == 2


def test_where_no_service_answers_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["top", "--once", "--url", "http://127.0.0.1:1"]) == 2
    assert "longwatch serve" in capsys.readouterr().err


class Terminal:
    """What a program shows on a terminal, and its keyboard."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._shown = ""

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + DEADLINE
        while text not in self._shown:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} was never shown in {self._shown[-2000:]!r}"
            if select.select([self._fd], [], [], left)[0]:
                self._shown += os.read(self._fd, 65536).decode(errors="replace")

    def press(self, key: str) -> None:
        os.write(self._fd, key.encode())


@contextmanager
def top(url: str) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    ours, theirs = pty.openpty()
    size = {"COLUMNS": "200", "LINES": "50", "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-m", "longwatch", "top", *QUICK, "--url", url],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **size},
    ) as child:
        os.close(theirs)
        try:
            yield Terminal(ours), child
        finally:
            child.kill()
            os.close(ours)


def test_it_is_live_outlives_the_service_and_ends_with_q() -> None:
    with serve(TinyVideoLM()) as live, top(live.url) as (terminal, child):
        terminal.wait_for("no streams")
        live.engine.open_stream("later")
        terminal.wait_for("streams 1 of 500")
        live.engine.close()
        terminal.wait_for("model_stopped")
        terminal.press("q")
        terminal.wait_for("\x1b[?1049l")  # the terminal is as it was before
        assert child.wait(DEADLINE) == 0


def test_a_service_that_is_gone_is_looked_for() -> None:
    with serve(TinyVideoLM()) as live:
        shown = top(live.url)
        terminal, child = shown.__enter__()
        terminal.wait_for("no streams")
    terminal.wait_for("no service answers")
    terminal.press("q")
    assert child.wait(DEADLINE) == 0
    shown.__exit__(None, None, None)


def test_sizes_are_short() -> None:
    found = [size(n) for n in (None, 0, 999, 1000, 5 << 20, 300 << 20, 3 << 30, 2 << 40)]
    assert found == ["-", "0", "999", "1.0K", "5.0M", "300M", "3.0G", "2.0T"]
