"""Clients that are too slow to say what they want."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from longwatch.serve import server
from tests.support.peer import DEADLINE

if TYPE_CHECKING:
    from tests.support.service import Live

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def dial(live: Live) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(live.url.rpartition(":")[2]))


async def ends(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(DEADLINE):
        return await reader.read()


@pytest.mark.parametrize("start", [b"", b"G", HEAD])
async def test_a_head_that_never_ends_is_not_waited_for(
    tiny: Live, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    reader, writer = await dial(tiny)
    writer.write(start)
    drip = asyncio.create_task(_drip(writer))
    assert await ends(reader) == b""  # although a byte came every now and then
    drip.cancel()
    writer.close()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        await asyncio.sleep(0.05)
        writer.write(b"X")


async def test_the_second_request_of_a_connection_is_not_waited_for_either(
    tiny: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.5)
    reader, writer = await dial(tiny)
    writer.write(HEAD + b"\r\n")
    async with asyncio.timeout(DEADLINE):
        await reader.readuntil(b"}")
    writer.write(b"GET /he")
    assert await ends(reader) == b""
    writer.close()


async def test_a_slow_answer_is_no_slow_head(tiny: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said stays said: the connection is there long after the head's time."""
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.2)
    reader, writer = await dial(tiny)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n"
    )
    await asyncio.sleep(0.6)
    writer.write(b"{}")
    async with asyncio.timeout(DEADLINE):
        assert b" 400 " in await reader.readline()
    writer.close()
