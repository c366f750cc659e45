"""On whose behalf something is done, and what that one may.

`current()` is whoever the running code serves. Each request and each websocket session runs as its
own principal, and everything that looks a stream up by name asks it, so that a new route cannot
forget to. Threads of the service itself (the model's, the decoders') run as `EVERYONE`.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, get_args

from longwatch.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterator

Scope = Literal["ask", "publish", "manage"]
SCOPES: frozenset[Scope] = frozenset(get_args(Scope))


@dataclass(frozen=True)
class Principal:
    """The holder of one key; `streams` are shell patterns of the names that it may know of."""

    id: str
    scopes: frozenset[Scope] = SCOPES
    streams: tuple[str, ...] = ("*",)
    expires: float | None = None  # seconds since 1970

    def may(self, scope: Scope) -> bool:
        """Tell whether this one has `scope`."""
        return scope in self.scopes

    def sees(self, stream: str) -> bool:
        """Tell whether this one may know of a stream of that name, whether there is one or not."""
        return "*" in self.streams or any(fnmatchcase(stream, each) for each in self.streams)

    def require(self, scope: Scope | None) -> None:
        """Raise `ForbiddenError` (`scope_missing`) without `scope`; None is required of nobody."""
        if scope is not None and not self.may(scope):
            raise ForbiddenError(
                f"this key has not the scope {scope!r}; use one that was made with it",
                code="scope_missing",
            )

    def require_stream(self, stream: str) -> None:
        """Raise `ForbiddenError` (`stream_not_allowed`) unless the name is on this key's list.

        For names that are to be taken: the answer is the same whether there is such a stream.
        """
        if not self.sees(stream):
            raise ForbiddenError(
                f"this key may not use the stream name {stream[:80]!r}; choose one that its list "
                "of streams allows",
                code="stream_not_allowed",
                param="stream",
            )


EVERYONE = Principal("")  # where no keys are set, and the service itself
NOBODY = Principal("nobody", frozenset(), ())
_current: ContextVar[Principal] = ContextVar("principal", default=EVERYONE)


def current() -> Principal:
    """Return on whose behalf the running code works."""
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Work on behalf of `principal`; tasks that are begun meanwhile do so too."""
    before = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(before)
