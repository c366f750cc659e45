"""The keys that are valid now: the file, read anew when it changes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError
from longwatch.serve.auth.keys import Key, KeyFile, digest, split

if TYPE_CHECKING:
    from pathlib import Path

    from longwatch.serve.auth.principal import Principal

log = logging.getLogger(__name__)
Stamp = tuple[int, int, int]
_NO_KEY = Key("", "", digest(""), (), (), 0.0)  # what an unknown id is compared with


class Keyring:
    """Finds the holder of a token. A file that cannot be read any more lets nobody in."""

    def __init__(self, path: Path) -> None:
        self._file = KeyFile(path)
        self._keys = self._file.read()  # at the start, a wrong file is an error
        self._stamp = self._look()

    def find(self, token: str) -> Principal | None:
        """Return whoever holds `token`; None if it is no key, or one that was revoked or expired.

        An unknown id takes as long as a wrong secret.
        """
        self._refresh()
        key_id, secret = split(token)
        key = self._keys.get(key_id, _NO_KEY)
        if not key.opens_with(secret) or key is _NO_KEY:
            return None
        return key.principal() if _valid(key) else None

    def still(self, principal: Principal) -> bool:
        """Tell whether a key found before is in the file as it was, and not expired."""
        self._refresh()
        key = self._keys.get(principal.id)
        return key is not None and _valid(key) and key.principal() == principal

    def _refresh(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = self._file.read()
        except ConfigError as error:
            self._keys = {}
            log.error("no key is valid until this is put right: %s", error)
        else:
            log.info("the file of keys was read anew", extra={"keys": len(self._keys)})

    def _look(self) -> Stamp | None:
        try:
            stat = self._file.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _valid(key: Key) -> bool:
    return key.expires is None or time.time() < key.expires
