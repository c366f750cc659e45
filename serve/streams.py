"""The streams of one engine, by name."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from longwatch.errors import InputError, LimitError, NotFoundError

if TYPE_CHECKING:
    from longwatch.serve.stream import Stream

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Streams:
    """A bounded table of streams, from any thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._streams: dict[str, Stream] = {}
        self._lock = threading.Lock()

    def add(self, stream: Stream) -> Stream:
        """Put `stream` in.

        Raises:
            InputError: its name is taken (`stream_exists`) or not a name (`invalid_name`).
            LimitError: the table is full (`too_many_streams`).
        """
        name = stream.name
        if not NAME.fullmatch(name):
            raise InputError(
                f"{name[:80]!r} is not a name for a stream; use up to 64 letters, digits, dots, "
                "dashes and underscores, beginning with a letter or digit",
                code="invalid_name",
                param="stream",
            )
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
            self._streams[name] = stream
        return stream

    def get(self, name: str) -> Stream:
        """Return the stream called `name`, or raise `NotFoundError` (`stream_not_found`)."""
        with self._lock:
            if name not in self._streams:
                raise self._unknown(name)
            return self._streams[name]

    def all(self) -> list[Stream]:
        """Return all streams, oldest first."""
        with self._lock:
            return list(self._streams.values())

    def remove(self, name: str) -> Stream:
        """Take the stream called `name` out, or raise `NotFoundError` (`stream_not_found`)."""
        with self._lock:
            if name not in self._streams:
                raise self._unknown(name)
            return self._streams.pop(name)

    def _unknown(self, name: str) -> NotFoundError:
        known = ", ".join(sorted(self._streams)) or "none"
        return NotFoundError(
            f"there is no stream {name[:80]!r}; open it first (open now: {known})",
            code="stream_not_found",
            param="stream",
        )
