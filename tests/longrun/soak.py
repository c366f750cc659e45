"""A service in a process of its own, under everything that clients and cameras do, for long.

    python -m tests.longrun.soak MINUTES

Three streams are pushed, a fourth is a camera that is down. Questions are asked all the while, one
client never reads what it is sent, and others come and break off. Prints what the process holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import numpy as np
import websockets
from prometheus_client.parser import text_string_to_metric_families

from longwatch.serve.server import bind
from longwatch.wire import Kind, Packet
from tests.support import peer as p
from tests.support.media import still

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

READY_SECONDS = 120.0
PUSHED = ("hall", "yard", "door")
DOWN = "down"  # the camera that is
QUEUE_BYTES = 65536  # that may wait for one client
FLAGS = {
    "threads": 1,
    "memory-mb": 2,  # of a stream's keys and values, so that it is full soon
    "picture-mb": 1,
    "send-queue-bytes": QUEUE_BYTES,
    "resume-bytes": QUEUE_BYTES,
    "resume-seconds": 2,
    "max-detached": 4,
    "pull-retry-most": 2,
    "stats-seconds": 0.5,
    "log-level": "error",
}


class Sample(NamedTuple):
    """What the process held at one moment."""

    at: float  # seconds since the begin
    rss: float  # MiB, without its children
    fds: int
    threads: int
    children: int
    queued: float  # bytes that wait for clients
    waiting: int  # frames that wait for the model, most of all streams


@dataclass
class Soaked:
    """What came of it."""

    samples: list[Sample] = field(default_factory=list)
    asked: int = 0
    answered: int = 0
    cut: int = 0  # connections that broke off
    slow: float = 0.0  # connections that the service closed because they did not read
    states: dict[str, str] = field(default_factory=dict)
    used: list[int] = field(default_factory=list)  # frames read, at the middle and at the end
    wrong: list[str] = field(default_factory=list)

    def half(self) -> list[Sample]:
        """Return the later half of the samples."""
        return self.samples[len(self.samples) // 2 :]

    def grown(self, what: str) -> float:
        """Return by how much a line through the later half rises over it."""
        at = np.array([sample.at for sample in self.half()])
        values = np.array([getattr(sample, what) for sample in self.half()], float)
        return float(np.polyfit(at, values, 1)[0] * (at[-1] - at[0]))

    def noise(self, what: str) -> float:
        """Return how far the later half lies from its line, as a standard deviation."""
        at = np.array([sample.at for sample in self.half()])
        values = np.array([getattr(sample, what) for sample in self.half()], float)
        return float(np.std(values - np.polyval(np.polyfit(at, values, 1), at)))


@contextlib.contextmanager
def service() -> Iterator[tuple[str, int]]:
    """Run `longwatch serve`; yields its URL and the process' number."""
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    flags = [word for name, value in FLAGS.items() for word in (f"--{name}", str(value))]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LONGWATCH_")}
    words = [sys.executable, "-m", "longwatch", "serve", "--port", str(port), *flags]
    with subprocess.Popen(words, env=clean, stdin=subprocess.DEVNULL) as child:
        killer = threading.Timer(READY_SECONDS, child.kill)
        killer.start()
        try:
            url = f"http://127.0.0.1:{port}"
            while child.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/readyz").status_code == 200:
                        break
                time.sleep(0.1)
            killer.cancel()
            yield url, child.pid
            child.terminate()
            child.wait(READY_SECONDS)
        finally:
            killer.cancel()
            child.kill()


async def soak(url: str, pid: int, seconds: float) -> Soaked:
    """Do everything to the service at once for so long."""
    told = Soaked()
    async with httpx.AsyncClient(base_url=url, timeout=p.DEADLINE) as http:
        await _pull_nothing(http)
        work: list[Callable[[], Awaitable[None]]] = [
            *(lambda name=name: _push(url, name) for name in PUSHED),
            lambda: _ask(http, told),
            lambda: _never_read(url),
            lambda: _come_and_break(url, told),
        ]
        tasks = [asyncio.create_task(_for_ever(each, told)) for each in work]
        begin = time.monotonic()
        middle: int | None = None
        while (at := time.monotonic() - begin) < seconds:
            told.samples.append(await _sample(http, pid, at))
            if middle is None and at > seconds / 2:
                middle = await _used(http)
            await asyncio.sleep(min(1.0, seconds / 60))
        told.used = [middle or 0, await _used(http)]
        streams = (await http.get("/v1/streams")).json()["data"]
        told.states = {stream["stream"]: stream["state"] for stream in streams}
        told.slow = (await _metrics(http)).get('longwatch_ws_closed_total{"code": "1013"}', 0.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return told


async def _for_ever(work: Callable[[], Awaitable[None]], told: Soaked) -> None:
    """Do it again and again; whatever ends a connection but the service's rules is noted."""
    while True:
        try:
            await work()
        except (websockets.ConnectionClosed, OSError):
            await asyncio.sleep(0.1)
        except Exception as error:  # noqa: BLE001 - all of it is of interest
            told.wrong.append(f"{type(error).__name__}: {error}")
            await asyncio.sleep(0.1)


async def _pull_nothing(http: httpx.AsyncClient) -> None:
    """Have a camera pulled from a port where nothing listens."""
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    source = {"kind": "pull", "url": f"rtsp://127.0.0.1:{port}/none"}
    reply = await http.post("/v1/streams", json={"stream": DOWN, "source": source})
    reply.raise_for_status()


async def _push(url: str, name: str) -> None:
    """Feed a stream two pictures a second."""
    async with p.connect(url) as peer:
        handle = await peer.open(name, queue=2)
        for number in range(1_000_000):
            await peer.send(Packet(Kind.IMAGE, handle, number, _now(), still(number)).encode())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        await peer.receive()


async def _ask(http: httpx.AsyncClient, told: Soaked) -> None:
    """Ask about one stream after another."""
    for name in PUSHED:
        body = {
            "model": "bundled",
            "messages": [{"role": "user", "content": "what do you see?"}],
            "max_tokens": 8,
            "lw": {"stream": name},
        }
        reply = await http.post("/v1/chat/completions", json=body)
        if reply.status_code == 404:  # not a frame of it yet
            await asyncio.sleep(0.5)
            continue
        told.asked += 1
        if reply.status_code == 200:
            told.answered += 1
        else:
            told.wrong.append(reply.text[:200])
        await asyncio.sleep(0.1)


async def _never_read(url: str) -> None:
    """Make the service say much, and read nothing of it, until it hangs up."""
    host, port = url.removeprefix("http://").split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    address = f"ws://{host}:{port}/v1/realtime"
    async with websockets.connect(address, sock=raw, max_queue=1, ping_interval=None) as peer:
        while True:
            await peer.send(json.dumps({"type": "lw.ping", "t": "x" * 200}))
            await asyncio.sleep(0.002)


async def _come_and_break(url: str, told: Soaked) -> None:
    """Connect, ask, and break off in the middle of the answer."""
    async with p.connect(url, f"?stream={PUSHED[0]}") as peer:
        await peer.send(p.create(tokens=64))
        await asyncio.sleep(0.2)
        peer.cut()
    told.cut += 1
    await asyncio.sleep(0.2)


async def _sample(http: httpx.AsyncClient, pid: int, at: float) -> Sample:
    streams = (await http.get("/v1/streams")).json()["data"]
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    children = [
        number
        for task in (process / "task").iterdir()
        for number in (task / "children").read_text().split()
    ]
    return Sample(
        at,
        int(status["VmRSS"].split()[0]) / 1024,
        len(list((process / "fd").iterdir())),
        int(status["Threads"]),
        len(children),
        (await _metrics(http))["longwatch_ws_send_queue_bytes{}"],
        max((stream["queue"] for stream in streams), default=0),
    )


async def _used(http: httpx.AsyncClient) -> int:
    return sum(stream["used"] for stream in (await http.get("/v1/streams")).json()["data"])


async def _metrics(http: httpx.AsyncClient) -> dict[str, float]:
    families = text_string_to_metric_families((await http.get("/metrics")).text)
    return {
        f"{sample.name}{json.dumps(sample.labels)}": sample.value
        for family in families
        for sample in family.samples
    }


def _now() -> int:
    return round(time.monotonic() * 1e6)


def figures(told: Soaked) -> dict[str, Any]:
    """Return what is to be reported."""
    return {
        what: {
            "begin": round(getattr(told.samples[0], what), 1),
            "middle": round(getattr(told.half()[0], what), 1),
            "end": round(getattr(told.samples[-1], what), 1),
            "most": round(max(getattr(sample, what) for sample in told.samples), 1),
            "grown": round(told.grown(what), 2),
            "noise": round(told.noise(what), 2),
        }
        for what in Sample._fields[1:]
    }


def main(minutes: float) -> Soaked:
    """Soak a service for so many minutes."""
    with service() as (url, pid):
        return asyncio.run(soak(url, pid, minutes * 60))


if __name__ == "__main__":
    soaked = main(float(sys.argv[1]))
    report = {**vars(soaked), "samples": figures(soaked)}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
