"""Whether whoever has a connection may still use it: its key is valid, its bytes are not too many.

The key is looked at with every message, and once a second where none come.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from longwatch.errors import AuthenticationError, LimitError
from longwatch.serve.auth.principal import current
from longwatch.serve.protocol.errors import Hangup

if TYPE_CHECKING:
    from starlette.types import Message

    from longwatch.serve.realtime.session import Session
    from longwatch.serve.service import Service

SECONDS = 1.0


class Standing:
    """The standing of the principal that the code which makes this acts for."""

    def __init__(self, service: Service, session: Session) -> None:
        self._access = service.access
        self._session = session
        self._principal = current()

    async def watch(self) -> None:
        """Look at the key for ever; `Hangup` (4401) once it is not valid any more."""
        while True:
            await asyncio.sleep(SECONDS)
            self._check_key()

    def check(self, message: Message) -> None:
        """Count a message that came.

        Raises:
            Hangup: its key is not valid any more (4401), or too many bytes come (4429).
        """
        self._check_key()
        try:
            self._session.allowance.take("bytes", _size(message))
        except LimitError as error:
            self._session.tell(error, fatal=True)
            raise Hangup(4429, error) from None

    def _check_key(self) -> None:
        if not self._access.still(self._principal):
            gone = AuthenticationError("the key was revoked or has expired; ask for a new one")
            self._session.tell(gone, fatal=True)
            raise Hangup(4401, gone)


def _size(message: Message) -> int:
    return len(message.get("bytes") or b"") or len(message.get("text") or "")
