"""Which web pages may talk to the service, and under which names it may be called.

A page that a name of its own site leads to this machine (DNS rebinding) sends that name as `Host`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from longwatch.errors import ForbiddenError, InputError

if TYPE_CHECKING:
    from collections.abc import Collection

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_origin(origin: str | None, host: str | None, allowed: Collection[str]) -> None:
    """Refuse pages of other sites (`origin_not_allowed`), which could do what this user may.

    Programs send no `Origin`; pages of loopback and of the service itself (`host`) may.
    """
    if origin is None or origin in allowed or _name(origin) in LOOPBACK:
        return
    if host and origin in (f"http://{host}", f"https://{host}"):
        return
    raise InputError(
        f"pages of {origin[:80]!r} may not connect; add it to the setting origins to allow it",
        code="origin_not_allowed",
    )


def check_host(host: str | None, allowed: Collection[str]) -> None:
    """Refuse a name (`host_not_allowed`) that is neither loopback's nor in `allowed`."""
    name = _name(f"//{host}")
    if name not in LOOPBACK and name not in allowed:
        raise ForbiddenError(
            f"the service is not known as {str(host)[:80]!r}; call it 127.0.0.1, or add the name "
            "to the setting hosts",
            code="host_not_allowed",
        )


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:  # no address at all
        return None
