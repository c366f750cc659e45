"""A request's body, neither endless nor endlessly slow, whatever the route does with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from longwatch.errors import InputError, ProtocolError

if TYPE_CHECKING:
    from starlette.types import Message, Receive

SECONDS = 30.0  # for the whole of a body


def limited(receive: Receive, limit: int, seconds: float = SECONDS) -> Receive:
    """Return `receive` for a body of at most `limit` bytes that is here within `seconds`.

    Reading it raises `ProtocolError` (`message_too_large`) or `InputError` (`request_timeout`).
    What comes after the body, such as the client's leaving, may take as long as it likes.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    size, whole = 0, False

    async def take() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise InputError(
                f"the body was not here within {seconds:g} s; send it faster, or less",
                code="request_timeout",
            ) from None
        size += len(message.get("body", b""))
        if size > limit:
            raise ProtocolError(
                f"a request may have {limit} bytes and this one has more; send less",
                code="message_too_large",
            )
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return take
