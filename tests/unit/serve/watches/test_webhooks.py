"""Laws of posted firings, with a real server."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from longwatch.serve.watches.watch import Post, Webhook
from longwatch.serve.watches.webhooks import MOST, SIGNATURE, Webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEADLINE = 30.0
SECRET = "s3cret"


class Request(NamedTuple):
    """One request."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers each post with the next of some statuses; the last one for ever."""

    def __init__(self, *statuses: str) -> None:
        self.posts: list[Request] = []
        self._statuses = list(statuses)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["Content-Length"]))
        self.posts.append(Request(headers, body))
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def receiving(*statuses: str) -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver(*statuses)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver, f"http://127.0.0.1:{port}/hook"


async def post(hook: Webhook, *, local: bool = True) -> Counter[str]:
    """Post once; return what became of it."""
    outcomes: asyncio.Queue[str] = asyncio.Queue()
    settled: list[Post] = []
    waits = (0.001, 0.001, 0.001)
    hooks = Webhooks(outcomes.put_nowait, settle=settled.append, local=local, waits=waits)
    sent = Post("fire_1", hook, json.dumps({"watch_id": "watch_1", "text": "a dog"}))
    hooks.post(sent)
    async with asyncio.timeout(DEADLINE):
        outcome = await outcomes.get()
    await hooks.close()
    assert settled == [sent]
    return Counter([outcome])


async def test_a_post_is_json_and_signed() -> None:
    async with receiving("204 No Content") as (receiver, url):
        assert await post(Webhook(url, SECRET)) == {"sent": 1}
    (sent,) = receiver.posts
    assert json.loads(sent.body) == {"watch_id": "watch_1", "text": "a dog"}
    parts = dict(part.split("=") for part in sent.headers[SIGNATURE].split(","))
    signed = parts["t"].encode() + b"." + sent.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(parts["v1"], expected)
    assert abs(time.time() - int(parts["t"])) < DEADLINE
    assert SECRET not in str(sent)


async def test_a_post_that_fails_is_tried_again() -> None:
    async with receiving("503 Busy", "429 Slow down", "200 OK") as (receiver, url):
        assert await post(Webhook(url)) == {"sent": 1}
    assert len(receiver.posts) == 3
    assert SIGNATURE not in receiver.posts[0].headers


async def test_a_post_that_always_fails_is_given_up() -> None:
    async with receiving("500 Broken") as (receiver, url):
        assert await post(Webhook(url)) == {"failed": 1}
    assert len(receiver.posts) == 4


async def test_a_refusal_is_not_tried_again_and_a_redirect_not_followed() -> None:
    for status in ("404 Not Found", "302 Found\r\nLocation: http://127.0.0.1:1/"):
        async with receiving(status) as (receiver, url):
            assert await post(Webhook(url)) == {"failed": 1}
        assert len(receiver.posts) == 1


async def test_nothing_is_sent_to_this_machine_unless_it_is_allowed() -> None:
    async with receiving("200 OK") as (receiver, url):
        assert await post(Webhook(url, SECRET), local=False) == {"failed": 1}
    assert not receiver.posts


async def test_posts_that_wait_are_bounded() -> None:
    outcomes = Counter[str]()
    settled: list[str] = []
    hooks = Webhooks(
        lambda outcome: outcomes.update([outcome]),
        settle=lambda post: settled.append(post.id),
        local=True,
    )
    for n in range(MOST + 3):
        hooks.post(Post(f"fire_{n}", Webhook("http://127.0.0.1:9/"), "{}"))
    assert outcomes == {"dropped": 3}
    await hooks.close()
    assert settled == [f"fire_{MOST + n}" for n in range(3)]  # the others are still owed
