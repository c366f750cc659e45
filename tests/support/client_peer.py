"""The other end of an in-memory connection, led by a test line by line."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from longwatch.client.client import Client
from longwatch.client.transport import QueueTransport, pair
from longwatch.wire import Packet, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from longwatch.client.answer import Answer
    from longwatch.client.streams import Publisher
    from longwatch.client.transport import Transport

DEADLINE = 10.0  # seconds; only a broken test waits so long


class Peer:
    """Speaks for the server."""

    def __init__(self, transport: QueueTransport) -> None:
        self.transport = transport

    async def heard(self) -> dict[str, Any]:
        """Return the next event that the client sent."""
        message = await asyncio.wait_for(self.transport.recv(), DEADLINE)
        assert isinstance(message, str)
        event: dict[str, Any] = json.loads(message)
        return event

    async def packet(self) -> Packet:
        """Return the next binary message that the client sent."""
        message = await asyncio.wait_for(self.transport.recv(), DEADLINE)
        assert isinstance(message, bytes)
        return decode(message)

    async def say(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self.transport.send(json.dumps({"type": kind, **fields}))

    async def begin(self, asked: dict[str, Any], response: str, as_of: int = 0) -> None:
        """Begin the answer to the question `asked`."""
        body = {
            "id": response,
            "status": "in_progress",
            "metadata": asked["response"]["metadata"],
            "lw": {"as_of": {"cam1": as_of}, "queue_position": 0},
        }
        await self.say("response.created", response=body)

    async def piece(self, response: str, text: str) -> None:
        """Send a piece of an answer."""
        await self.say("response.output_text.delta", response_id=response, delta=text)

    async def done(self, response: str, **body: Any) -> None:
        """End an answer."""
        await self.say("response.done", response={"id": response, "status": "completed", **body})


@asynccontextmanager
async def talking(
    timeout: float = DEADLINE,  # noqa: ASYNC109 - the client's own setting
    **limits: int,
) -> AsyncIterator[tuple[Client, Peer]]:
    """Yield a connected client, and the peer that it is connected to."""
    mine, theirs = pair()

    async def opener(_: Mapping[str, str]) -> Transport:
        return mine

    async def fetch(path: str) -> Any:
        raise AssertionError(path)

    peer = Peer(theirs)
    await peer.say("session.created", session={"id": "sess_1", "lw": {"limits": limits}})
    async with Client(opener, fetch, timeout=timeout) as client:
        yield client, peer


async def ask(client: Client, peer: Peer, response: str, question: str = "?") -> Answer:
    """Ask, and let the answer begin as `response`."""
    asking = asyncio.create_task(client.ask(question, stream="cam1"))
    await peer.begin(await peer.heard(), response)
    return await asking


async def publish(client: Client, peer: Peer, **opened: Any) -> Publisher:
    """Open the stream `cam1` and return its publisher."""
    opening = asyncio.create_task(client.open_stream("cam1"))
    await peer.heard()
    accepted = {"format": "image", "fps": 2.0}
    await peer.say(
        "lw.stream.opened",
        **{"stream": "cam1", "handle": 7, "epoch": 0, "accepted": accepted, **opened},
    )
    return await opening
