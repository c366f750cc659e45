"""How whoever handles an event ends the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longwatch.errors import LongwatchError


class Hangup(Exception):  # noqa: N818 - it ends a connection, which may be quite in order
    """Tells the client of `error`, if there is one, and closes the connection with `code`."""

    def __init__(self, code: int, error: LongwatchError | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.error = error
