"""How a body is bounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import InputError, ProtocolError
from longwatch.serve.protocol.guard import limit_body

if TYPE_CHECKING:
    from starlette.types import Message, Receive


def sending(*pieces: bytes) -> Receive:
    messages = [
        {"type": "http.request", "body": piece, "more_body": i + 1 < len(pieces)}
        for i, piece in enumerate(pieces)
    ]
    left = iter(messages)

    async def receive() -> Message:
        for message in left:
            return message
        await asyncio.sleep(3600)
        raise AssertionError

    return receive


async def test_a_body_comes_through_as_it_is_up_to_the_limit() -> None:
    receive = limit_body(sending(b"ab", b"cd"), 4)
    assert [(await receive())["body"] for _ in range(2)] == [b"ab", b"cd"]


async def test_a_byte_more_is_refused() -> None:
    receive = limit_body(sending(b"ab", b"cde"), 4)
    await receive()
    with pytest.raises(ProtocolError) as told:
        await receive()
    assert told.value.code == "message_too_large"


async def test_a_body_that_does_not_come_is_given_up_and_what_follows_a_whole_one_is_not() -> None:
    async def never() -> Message:
        await asyncio.sleep(3600)
        raise AssertionError

    with pytest.raises(InputError) as told:
        await limit_body(never, 4, seconds=0.01)()
    assert told.value.code == "request_timeout"
    receive = limit_body(sending(b"x"), 4, seconds=0.01)
    await receive()
    with pytest.raises(TimeoutError):  # ours alone
        async with asyncio.timeout(0.1):
            await receive()
