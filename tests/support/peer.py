"""A client of the protocol that knows nothing but JSON, bytes and websockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import websockets

from longwatch.wire import Kind, Packet
from tests.support.media import still

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection

DEADLINE = 30.0  # seconds after which a test gives up; none of them needs more than one
LONG = 4000  # tokens; an answer that does not end by itself while a test looks at it
Event = dict[str, Any]


@asynccontextmanager
async def connect(url: str, query: str = "", **options: Any) -> AsyncIterator[Peer]:
    """Connect, and take in `session.created`."""
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime{query}"
    async with websockets.connect(address, max_size=None, **options) as socket:
        peer = Peer(socket)
        peer.greeting = await peer.receive()
        peer.session = peer.greeting.get("session", {})
        yield peer


class Peer:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.last = "evt_0"  # the newest event that came
        self.session: Event = {}
        self.greeting: Event = {}  # `session.created`, or `lw.session.resume`

    async def send(self, event: Event | str | bytes) -> None:
        await self.socket.send(json.dumps(event) if isinstance(event, dict) else event)

    async def receive(self) -> Event:
        """Return the next event."""
        async with asyncio.timeout(DEADLINE):
            event: Event = json.loads(await self.socket.recv())
        if event["event_id"].startswith("evt_"):
            self.last = event["event_id"]
        return event

    async def until(self, kind: str, **fields: Any) -> Event:
        """Return the next event of a type that has these fields; forget those before it."""
        while True:
            event = await self.receive()
            if event["type"] == kind and all(event.get(k) == v for k, v in fields.items()):
                return event

    async def error(self, event: Event | str | bytes) -> Event:
        """Send something that is wrong and return what the server says of it."""
        await self.send(event)
        told: Event = (await self.until("error"))["error"]
        return told

    async def closed(self) -> int:
        """Wait until the server closes the connection; return its code."""
        async with asyncio.timeout(DEADLINE):
            await self.socket.wait_closed()
        return self.socket.close_code or 0

    def cut(self) -> None:
        """Break the connection off without a word."""
        self.socket.transport.abort()

    async def ping(self) -> None:
        """Wait until all that was sent before was handled."""
        await self.send({"type": "lw.ping", "t": "sync"})
        await self.until("lw.pong", t="sync")

    async def open(self, stream: str, form: str = "image", **policy: Any) -> int:
        """Begin to feed a stream, of which every frame is taken; return its handle."""
        source = {"kind": "push", "format": form, "fps": None}
        policy = {"queue": 64, **policy}
        await self.send(
            {"type": "lw.stream.open", "stream": stream, "source": source, "policy": policy}
        )
        return int((await self.until("lw.stream.opened"))["handle"])

    async def push(self, handle: int, numbers: range, used: int | None = None) -> None:
        """Send pictures half a second apart; wait until `used` (by default all) were read."""
        for i in numbers:
            await self.send(image(handle, i))
        while True:
            stats = await self.until("lw.stream.stats")
            if stats["used"] >= (numbers.stop if used is None else used):
                return

    async def feed(self, stream: str, count: int = 3) -> int:
        """Open a stream and have `count` frames read; return the handle."""
        handle = await self.open(stream)
        await self.push(handle, range(count))
        return handle

    async def ask(self, text: str = "what?", tokens: int = 8, **response: Any) -> list[Event]:
        """Ask beside the conversation; return the events of the whole answer."""
        await self.send(create(text, tokens, **response))
        return await self.answer()

    async def answer(self) -> list[Event]:
        """Return the events of the next answer, from `response.created` to `response.done`."""
        events = [await self.until("response.created")]
        while events[-1]["type"] != "response.done":
            event = await self.receive()
            if event["type"].startswith(("response.", "conversation.")):
                events.append(event)
        return events


def create(text: str = "what?", tokens: int = 8, **response: Any) -> Event:
    """Return a `response.create` that brings its own question."""
    body = {"conversation": "none", "input": [message(text)], "max_output_tokens": tokens}
    return {"type": "response.create", "response": {**body, **response}}


def message(text: str, role: str = "user", **fields: Any) -> Event:
    """Return an item of a conversation."""
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}


def image(handle: int, number: int, sequence: int | None = None) -> bytes:
    """Return a picture's message; it stands at half its number, in seconds."""
    sequence = number if sequence is None else sequence
    return Packet(Kind.IMAGE, handle, sequence, number * 500_000, still(number)).encode()


def resuming(peer: Peer, after: str | None = None) -> str:
    """Return the query that takes up a session where `peer` left it, or after another event."""
    token = peer.session["lw"]["resume"]["token"]
    return f"?resume={token}&after={peer.last if after is None else after}"


def text_of(answer: list[Event]) -> str:
    """Return the joined pieces of an answer."""
    return "".join(e["delta"] for e in answer if e["type"] == "response.output_text.delta")
