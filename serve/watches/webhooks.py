"""Firings told to other services, at addresses that may be reached."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import random
import socket
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from longwatch.errors import InputError
from longwatch.stream.addresses import is_forbidden, is_metadata_host, is_private, parse_ip

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.watches.watch import Post, Webhook


class Target(NamedTuple):
    """Where a webhook goes, taken apart."""

    secure: bool
    host: str
    port: int
    path: str  # with the query


def parse_target(url: str) -> Target:
    """Return what a webhook's URL says.

    Raises:
        InputError: it is no plain `http` or `https` URL, or holds a user name or a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refusal("it is not a URL; write it as https://host/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _refusal("it must be an http or https URL, as in https://host/path")
    if parts.username is not None or parts.password is not None:
        raise _refusal("it must not hold a user name or a password; sign it with a secret")
    if len(url) > 2048 or not url.isascii() or any(c.isspace() or ord(c) < 32 for c in url):
        raise _refusal("it must be at most 2048 plain characters without spaces")
    if is_metadata_host(parts.hostname):
        raise _refusal("it names the metadata of the machine, to which nothing is sent")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, parts.hostname, port or (443 if secure else 80), path)


async def resolve(target: Target, *, local: bool) -> str:
    """Return one address of the target's host, to be connected to instead of the name.

    Every address that the name stands for must be allowed, and it is looked up once: a name that
    is answered differently the next time changes nothing. `local` also allows this machine and
    private networks; link-local addresses, where clouds keep credentials, never are.

    Raises:
        InputError: an address is not allowed (`forbidden_url`).
        OSError: the name is not known.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check_address(address, local=local)
    return addresses[0]


def check_address(address: str, *, local: bool) -> None:
    """Raise `InputError` (`forbidden_url`) for an address that nothing may be sent to."""
    ip = parse_ip(address)
    if is_forbidden(ip) or (is_private(ip) and not local):
        raise InputError(
            f"a webhook may not be sent to {address}; use a host on a public address, or allow "
            "this machine and private networks with --webhook-local",
            code="forbidden_url",
            param="webhook.url",
        )


def _refusal(told: str) -> InputError:
    return InputError(
        f"the webhook's URL cannot be taken: {told}", code="forbidden_url", param="webhook.url"
    )


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
