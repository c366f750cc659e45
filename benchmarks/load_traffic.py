"""Cameras and people: what `benchmarks.load` sends to a service, and when what comes back."""

from __future__ import annotations

import asyncio
import io
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import websockets
from PIL import Image

from longwatch.wire import Kind, Packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.asyncio.client import ClientConnection

FPS = 1.0  # of every stream
SIZE = (320, 240)
QUESTIONS = ("what do you see", "is there a dog?", "what colour is it?", "where is the car?")
WARM_FRAMES = 1  # of a stream, before the first question


@dataclass(frozen=True)
class Point:
    """How much traffic there is."""

    streams: int
    rate: float  # questions a second about each stream, on average
    seconds: float
    tokens: int  # of an answer at most
    drain: float = 8.0  # seconds that answers may take after the last question


@dataclass
class Asked:
    """One question, with times in seconds on one clock."""

    due: float  # when it was to be put: the open loop waits for nobody
    first: float | None = None
    end: float | None = None
    tokens: int = 0
    code: str | None = None  # why there is no answer

    @property
    def ttft(self) -> float | None:
        """Seconds to the first piece of text."""
        return None if self.first is None else self.first - self.due

    @property
    def good(self) -> bool:
        """Whether it was answered to its end."""
        return self.end is not None and self.code is None


@dataclass
class Traffic:
    """What one run of a point came to."""

    seconds: float = 0.0  # in which questions were put
    asked: list[Asked] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)  # seconds, of frames
    sent: int = 0  # frames
    used: int = 0  # frames that were read
    late: list[float] = field(default_factory=list)  # seconds by which the generator was late


def jpegs(count: int, seed: int) -> list[bytes]:
    """Return small pictures of coloured patches as JPEG."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        patches = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(patches).resize(SIZE, Image.Resampling.BICUBIC).save(out, "jpeg")
        found.append(out.getvalue())
    return found


async def drive(url: str, point: Point, seed: int, name: str) -> Traffic:
    """Put a service under the load of `point`; streams are called `name` and a number."""
    traffic = Traffic(seconds=point.seconds)
    pictures = jpegs(8, seed)
    chance = random.Random(seed)
    clients = [
        _Client(f"{name}-{i}", point, traffic, pictures, random.Random(chance.random()))
        for i in range(point.streams)
    ]
    ready = asyncio.Barrier(point.streams)
    await asyncio.gather(*(client.run(url, ready) for client in clients))
    return traffic


class _Client:
    """One stream's camera, and those who ask about it, on one connection."""

    def __init__(
        self,
        name: str,
        point: Point,
        traffic: Traffic,
        pictures: Sequence[bytes],
        chance: random.Random,
    ) -> None:
        self._name = name
        self._point = point
        self._traffic = traffic
        self._pictures = pictures
        self._chance = chance
        self._asked: dict[str, Asked] = {}  # by tag
        self._ids: dict[str, Asked] = {}  # by response
        self._opened = asyncio.Event()
        self._stream = 0  # its handle on this connection
        self._warm = asyncio.Event()
        self._ended = asyncio.Event()  # some question
        self._number = 0
        self._used = 0

    async def run(self, url: str, ready: asyncio.Barrier) -> None:
        address = url.replace("http", "ws", 1) + "/v1/realtime"
        async with websockets.connect(address, max_size=None) as socket:
            listening = asyncio.create_task(self._listen(socket))
            source = {"kind": "push", "format": "image", "fps": None}
            opening = {"type": "lw.stream.open", "stream": self._name, "source": source}
            await socket.send(json.dumps(opening))
            await self._opened.wait()
            filming = asyncio.create_task(self._film(socket))
            await self._warm.wait()
            await ready.wait()
            sent, used = self._number, self._used
            await self._ask(socket)
            self._traffic.sent += self._number - sent
            self._traffic.used += self._used - used
            with suppress(TimeoutError):
                async with asyncio.timeout(self._point.drain):
                    await self._answered()
            for task in (filming, listening):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            closing = {
                "type": "lw.stream.close",
                "stream": self._name,
                "discard_memory": True,
            }
            await socket.send(json.dumps(closing))

    async def _answered(self) -> None:
        while any(asked.end is None for asked in self._asked.values()):
            self._ended.clear()
            await self._ended.wait()

    async def _film(self, socket: ClientConnection) -> None:
        await asyncio.sleep(self._chance.random() / FPS)
        start = time.perf_counter()
        while True:
            picture = self._pictures[self._number % len(self._pictures)]
            pts = round(self._number / FPS * 1e6)
            packet = Packet(Kind.IMAGE, self._stream, self._number, pts, picture)
            await socket.send(packet.encode())
            self._number += 1
            wait = start + self._number / FPS - time.perf_counter()
            await asyncio.sleep(max(0.0, wait))

    async def _ask(self, socket: ClientConnection) -> None:
        """Ask at random moments, whatever became of the questions before."""
        due = time.perf_counter()
        end = due + self._point.seconds
        while True:
            due += self._chance.expovariate(self._point.rate)
            await asyncio.sleep(max(0.0, min(due, end) - time.perf_counter()))
            if due >= end:
                return
            self._traffic.late.append(max(0.0, time.perf_counter() - due))
            tag = f"{self._name}/{len(self._asked)}"
            asked = self._asked[tag] = Asked(due)
            self._traffic.asked.append(asked)
            text = {"type": "input_text", "text": self._chance.choice(QUESTIONS)}
            response = {
                "conversation": "none",
                "metadata": {"tag": tag},
                "input": [{"type": "message", "role": "user", "content": [text]}],
                "max_output_tokens": self._point.tokens,
                "lw": {"streams": [self._name]},
            }
            event = {"type": "response.create", "event_id": tag, "response": response}
            await socket.send(json.dumps(event))

    async def _listen(self, socket: ClientConnection) -> None:
        async for message in socket:
            self._take(json.loads(message), time.perf_counter())

    def _take(self, event: dict[str, Any], now: float) -> None:
        kind = event["type"]
        if kind == "lw.stream.opened":
            self._stream = int(event["handle"])
            self._opened.set()
        elif kind == "lw.stream.stats":
            self._frames(event)
        elif kind == "response.created":
            response = event["response"]
            self._ids[response["id"]] = self._asked[response["metadata"]["tag"]]
        elif kind == "response.output_text.delta":
            asked = self._ids[event["response_id"]]
            asked.first = now if asked.first is None else asked.first
        elif kind == "response.done":
            self._done(self._ids[event["response"]["id"]], event["response"], now)
        elif kind == "error":
            error = event["error"]
            asked = self._asked.get(error.get("event_id") or "", Asked(now))
            asked.end, asked.code = now, error["code"]
            self._ended.set()

    def _done(self, asked: Asked, response: dict[str, Any], now: float) -> None:
        asked.end = now
        self._ended.set()
        if response["status"] in ("completed", "incomplete"):
            asked.tokens = response["usage"]["output_tokens"]
        else:
            details = response["status_details"] or {}
            asked.code = (details.get("error") or {}).get("code") or response["status"]

    def _frames(self, event: dict[str, Any]) -> None:
        if event["used"] > self._used and event["lag_ms"] is not None and self._warm.is_set():
            self._traffic.lags.append(event["lag_ms"] / 1000)
        self._used = event["used"]
        if self._used >= WARM_FRAMES:
            self._warm.set()
