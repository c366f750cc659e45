"""A TCP relay between a client and a service, in which a test breaks the network."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK = 1 << 16


class Relay:
    """Carries bytes both ways until it is told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._connections: set[asyncio.StreamWriter] = set()
        self.served = 0  # connections so far
        self.url = ""

    def cut(self, *, refuse: bool = False) -> None:
        """Reset all connections; with `refuse`, new ones too until `heal`."""
        self._refuses = refuse
        for writer in list(self._connections):
            _reset(writer)

    def stall(self) -> None:
        """Carry nothing more, and keep all connections open: half-open, as nobody is told."""
        self._flows.clear()

    def heal(self) -> None:
        """Carry on with what there is, and take new connections."""
        self._refuses = False
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        if self._refuses:
            _reset(writer)
            return
        self.served += 1
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        pair = {writer, far_writer}
        self._connections |= pair
        try:
            ways = (self._carry(reader, far_writer), self._carry(far_reader, writer))
            await asyncio.gather(*ways)
        finally:
            self._connections -= pair
            for end in pair:
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relaying(url: str) -> AsyncIterator[Relay]:
    """Yield a relay in front of the service at `url`."""
    parts = urlsplit(url)
    relay = Relay(parts.hostname or "", parts.port or 0)
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(relay.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        relay.heal()
        relay.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST."""
    with suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
