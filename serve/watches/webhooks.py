"""Firings posted to other programs: signed, tried again, never redirected."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
import ssl
import time
from typing import TYPE_CHECKING

from longwatch.errors import InputError
from longwatch.serve.watches.hosts import parse_target, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.watches.hosts import Target
    from longwatch.serve.watches.watch import Post, Webhook

log = logging.getLogger(__name__)
MOST = 1000  # posts that wait, tries to come included; more are given up at once
AT_ONCE = 8
PATIENCE = 10.0  # seconds for one try
# Seconds before the second try and those after it, each half as much more or less: 19 hours in all.
WAITS = (1.0, 4.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0, 36000.0)
AGAIN = frozenset({408, 425, 429})  # besides those of 500 and more
SIGNATURE = "Longwatch-Signature"


def signature(secret: str, moment: int, body: bytes) -> str:
    """Return what signs a post: `t=SECONDS,v1=HEX`, HMAC-SHA256 of `SECONDS.BODY`.

    Who checks it also refuses a time that is not now, so that no post can be played back.
    """
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


class Webhooks:
    """Posts JSON, each post in a task of its own, so that a slow one holds nobody up.

    `outcome` is told `sent`, `failed` or `dropped` for each post, and `settle` which one that was;
    of posts that `close` gives up nothing is told. On the event loop's thread only.
    """

    def __init__(
        self,
        outcome: Callable[[str], None] = lambda _: None,
        *,
        settle: Callable[[Post], None] = lambda _: None,
        local: bool = False,
        waits: tuple[float, ...] = WAITS,
    ) -> None:
        self._outcome = outcome
        self._settle = settle
        self._local = local
        self._waits = waits
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)

    def post(self, post: Post) -> None:
        """Send it, soon."""
        if len(self._tasks) >= MOST:
            log.warning("a webhook was given up: %d wait already", MOST)
            self._end(post, "dropped")
            return
        task = asyncio.create_task(self._deliver(post))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what was not sent yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self, post: Post, outcome: str) -> None:
        self._outcome(outcome)
        self._settle(post)

    async def _deliver(self, post: Post) -> None:
        try:
            target = parse_target(post.hook.url)
        except InputError as error:  # the rules have changed since it was written down
            log.warning("a webhook was given up: %s", error)
            self._end(post, "failed")
            return
        body, told = post.body.encode(), ""
        for wait in (*self._waits, None):
            again, told = await self._try(post.hook, target, body)
            if not told:
                self._end(post, "sent")
                return
            if wait is None or not again:
                break
            await asyncio.sleep(wait * (0.5 + random.random()))
        log.warning("a webhook to %s was not taken: %s", target.host, told)
        self._end(post, "failed")

    async def _try(self, hook: Webhook, target: Target, body: bytes) -> tuple[bool, str]:
        """Send once; return whether another try may help, and what went wrong, if anything."""
        try:
            async with self._slots, asyncio.timeout(PATIENCE):
                status = await _send(hook, target, body, local=self._local)
        except InputError as error:
            return False, str(error)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
            return True, f"{type(error).__name__}"  # TimeoutError is an OSError
        if 200 <= status < 300:
            return False, ""
        return status >= 500 or status in AGAIN, f"HTTP status {status}"


async def _send(hook: Webhook, target: Target, body: bytes, *, local: bool) -> int:
    """Post once; return the HTTP status. What the other side says besides is not read."""
    address = await resolve(target, local=local)
    context = ssl.create_default_context() if target.secure else None
    name = target.host if target.secure else None
    reader, writer = await asyncio.open_connection(
        address, target.port, ssl=context, server_hostname=name
    )
    try:
        host = f"[{target.host}]" if ":" in target.host else target.host
        lines = [
            f"POST {target.path} HTTP/1.1",
            f"Host: {host}:{target.port}",
            "Content-Type: application/json",
            "User-Agent: longwatch",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        if hook.secret is not None:
            lines.append(f"{SIGNATURE}: {signature(hook.secret, int(time.time()), body)}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        version, status, *_ = (await reader.readuntil(b"\r\n")).split()
        if not version.startswith(b"HTTP/1."):
            raise ValueError("it does not speak HTTP")
        return int(status)
    finally:
        writer.close()
