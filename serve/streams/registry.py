"""The streams of one engine, by name."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from longwatch.errors import InputError, LimitError, NotFoundError
from longwatch.serve.auth.principal import current

if TYPE_CHECKING:
    from longwatch.serve.streams.stream import Stream

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class StreamRegistry:
    """A bounded table of streams, from any thread.

    Whoever asks (`current`) knows of those alone that its key allows; others are as if not there.
    """

    def __init__(self, limit: int, limit_of_key: int = 0) -> None:
        self._limit = limit
        self._limit_of_key = limit_of_key  # 0: none
        self._streams: dict[str, Stream] = {}
        self._makers: dict[str, str] = {}  # by name; the id of the key that made the stream
        self._lock = threading.Lock()

    def add(self, stream: Stream) -> Stream:
        """Put `stream` in.

        Raises:
            InputError: its name is taken (`stream_exists`) or not a name (`invalid_name`).
            LimitError: the table, or the key's part of it, is full (`too_many_streams`).
            ForbiddenError: the key may not use the name (`stream_not_allowed`).
        """
        name, maker = stream.name, current()
        if not NAME.fullmatch(name):
            raise InputError(
                f"{name[:80]!r} is not a name for a stream; use up to 64 letters, digits, dots, "
                "dashes and underscores, beginning with a letter or digit",
                code="invalid_name",
                param="stream",
            )
        maker.require_stream(name)
        with self._lock:
            if name in self._streams:
                raise InputError(
                    f"there is a stream {name!r} already; attach to it or choose another name",
                    code="stream_exists",
                    param="stream",
                )
            if len(self._streams) >= self._limit:
                raise LimitError(
                    f"{self._limit} streams are open, which is the limit; close one or raise "
                    "max_streams",
                    code="too_many_streams",
                )
            made = sum(key == maker.id for key in self._makers.values())
            if maker.id and 0 < self._limit_of_key <= made:
                raise LimitError(
                    f"this key has made {made} streams, which is its limit; discard one",
                    code="too_many_streams",
                )
            self._streams[name] = stream
            self._makers[name] = maker.id
        return stream

    def get(self, name: str) -> Stream:
        """Return the stream called `name`, or raise `NotFoundError` (`stream_not_found`)."""
        with self._lock:
            self._check(name)
            return self._streams[name]

    def all(self) -> list[Stream]:
        """Return all streams, oldest first."""
        with self._lock:
            return [self._streams[name] for name in self._known()]

    def remove(self, name: str) -> Stream:
        """Take the stream called `name` out, or raise `NotFoundError` (`stream_not_found`)."""
        with self._lock:
            self._check(name)
            del self._makers[name]
            return self._streams.pop(name)

    def _known(self) -> list[str]:
        sees = current().sees
        return [name for name in self._streams if sees(name)]

    def _check(self, name: str) -> None:
        known = self._known()
        if name not in known:
            raise NotFoundError(
                f"there is no stream {name[:80]!r}; open it first (open now: "
                f"{', '.join(sorted(known)) or 'none'})",
                code="stream_not_found",
                param="stream",
            )
