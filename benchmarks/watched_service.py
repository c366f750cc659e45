"""A service in a process of its own, looked at from outside: its wire, and what it holds open."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.cameras import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
PATIENCE = 120.0  # seconds for the service to be ready, and for whatever must happen


class Held(NamedTuple):
    """What a process holds."""

    fds: int
    threads: int
    processes: int  # children, and theirs


class Watched:
    """`longwatch serve` with some flags, and one client that hears all that it says of streams."""

    def __init__(self, *flags: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        words = ["serve", "--port", str(port), "--stats-seconds", "0.2", "--log-level", "error"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LONGWATCH_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "longwatch", *words, *flags], env=clean
        )
        self._wait_ready()
        self._open = contextlib.ExitStack()
        socket = connect(f"ws://127.0.0.1:{port}/v1/realtime", max_size=None, ping_interval=None)
        self._socket = self._open.enter_context(socket)
        self._changed = threading.Condition()
        self._events: list[tuple[float, dict[str, Any]]] = []
        self.stats: dict[str, dict[str, Any]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Watched:
        """Return the service."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it in order."""
        with contextlib.suppress(ConnectionClosed, OSError):
            self._open.close()
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The service's number."""
        return self._process.pid

    def send(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        self._socket.send(json.dumps({"type": kind, **fields}))

    def pull(self, stream: str, url: str, **source: Any) -> None:
        """Have a camera pulled, all of its frames."""
        self.send(
            "lw.stream.open",
            stream=stream,
            source={"kind": "pull", "url": url, "fps": None, **source},
        )

    def close(self, stream: str) -> None:
        """Forget a stream."""
        self.send("lw.stream.close", stream=stream, discard_memory=True)
        self.until(stream, "ended", "discarded")

    def until(
        self, stream: str, state: str, reason: str | None = None, after: float = 0.0
    ) -> tuple[float, dict[str, Any]]:
        """Wait for a state that was told after a moment; return when it was, and the event."""

        def found() -> tuple[float, dict[str, Any]] | None:
            for at, event in self._events:
                same = event.get("stream") == stream and event["type"] == "lw.stream.state"
                wanted = same and event["state"] == state and reason in (None, event["reason"])
                if at > after and wanted:
                    return at, event
            return None

        return self._wait(found, f"{stream} {state} {reason}")

    def told(self, stream: str, after: float) -> list[dict[str, Any]]:
        """Return all states that were told after a moment."""
        with self._changed:
            return [
                event
                for at, event in self._events
                if at > after
                and event["type"] == "lw.stream.state"
                and event.get("stream") == stream
            ]

    def error(self, code: str, after: float) -> float:
        """Wait for an error that was told after a moment; return when it was."""

        def found() -> float | None:
            for at, event in self._events:
                if at > after and event["type"] == "error" and event["error"]["code"] == code:
                    return at
            return None

        return self._wait(found, code)

    def frames(self, stream: str, more: int = 3) -> None:
        """Wait until so many more frames were read."""
        before = self.stats.get(stream, {}).get("used", 0)
        self._wait(
            lambda: self.stats.get(stream, {}).get("used", 0) >= before + more or None,
            f"frames of {stream}",
        )

    def held(self) -> Held:
        """Return what the service holds, the least of some looks, as much comes and goes."""
        looks = []
        for _ in range(10):
            looks.append(held(self.pid))
            time.sleep(0.1)
        return Held(*(min(each) for each in zip(*looks, strict=True)))

    def _wait(self, found: Callable[[], T | None], what: str) -> T:
        end = time.monotonic() + PATIENCE
        with self._changed:
            while (value := found()) is None:
                if not self._changed.wait(max(0.0, end - time.monotonic())):
                    raise RuntimeError(f"it did not happen: {what}")
            return value

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            for message in self._socket:
                at, event = time.monotonic(), json.loads(message)
                with self._changed:
                    if event["type"] == "lw.stream.stats":
                        self.stats[event["stream"]] = event
                    else:
                        self._events.append((at, event))
                    self._changed.notify_all()

    def _wait_ready(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz"):
                return
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the service did not start")
            time.sleep(0.2)


def held(pid: int) -> Held:
    """Return what a process holds now."""
    root = Path(f"/proc/{pid}")
    return Held(
        len(list((root / "fd").iterdir())),
        len(list((root / "task").iterdir())),
        len(children(pid)),
    )


def children(pid: int) -> list[int]:
    """Return a process's children, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return [*found, *(each for child in found for each in _grandchildren(child))]


def _grandchildren(pid: int) -> list[int]:
    try:
        return children(pid)
    except OSError:  # it has ended meanwhile
        return []
