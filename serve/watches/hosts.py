"""Which addresses a webhook may be sent to."""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from longwatch.errors import InputError
from longwatch.stream.addresses import is_near, is_never, names_metadata, parse_ip


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
    if names_metadata(parts.hostname):
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
    if is_never(ip) or (is_near(ip) and not local):
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
