"""Which scope a request or a client event needs. What is not named here needs the most."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longwatch.serve.auth.principal import Scope

OPEN = frozenset({"/healthz", "/readyz", "/"})  # these tell no more than that the service is there
PAGE = "/page/"  # what the page at / loads; the same for everybody
READS = frozenset({"GET", "HEAD"})
ANY_KEY = frozenset({"/openapi.json", "/v1/protocol.json", "/v1/tickets", "/v1/models"})
ASKS = re.compile(r"/v1/chat/completions|/v1/streams/[^/]+/ask")  # these put questions
STREAM = re.compile(r"/v1/streams/([^/]+)(?:/.*)?", re.DOTALL)
MANAGES = frozenset({"/metrics", "/v1/status"})

EVENTS: dict[str, Scope | None] = {
    "session.update": None,
    "lw.auth": None,
    "lw.ping": None,
    "conversation.item.create": "ask",
    "conversation.item.delete": "ask",
    "response.create": "ask",
    "response.cancel": "ask",
    "lw.stream.attach": "ask",
    "lw.stream.detach": "ask",
    "lw.stream.open": "publish",
    "lw.stream.close": "publish",
    "lw.frame.append": "publish",
    "lw.watch.attach": "ask",
    "lw.watch.list": "ask",
}
BINARY: Scope = "publish"
FOLLOW: Scope = "ask"  # a stream, in the address of a websocket or in session.update
PULL: Scope = "manage"  # the service would fetch whatever address it is given
DISCARD: Scope = "manage"  # a memory, which cannot be undone


def is_open(path: str) -> bool:
    """Tell whether a path needs no key."""
    return path in OPEN or path.startswith(PAGE)


def scope_of_request(method: str, path: str) -> Scope | None:
    """Return the scope that a request needs from whoever holds a key; None: any key will do.

    Reading is asking; whatever changes something, and was not thought of, is for managers.
    """
    if path in ANY_KEY:
        return None
    if path in MANAGES:
        return "manage"
    if method in READS or (method == "POST" and ASKS.fullmatch(path)):
        return "ask"
    return "manage"


def stream_of_request(path: str) -> str | None:
    """Return the stream that a path is about, if it is about one."""
    found = STREAM.fullmatch(path)
    return found and found[1]


def scope_of_event(kind: str) -> Scope | None:
    """Return the scope that a client event needs; None: none."""
    return EVENTS.get(kind, "manage")
