"""The keys of a service: how they are made, written to a file, and read again when it changes."""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from longwatch.errors import ConfigError, NotFoundError
from longwatch.serve.auth.principal import Principal, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PREFIX = "lwk"
VERSION = 1
WRITABLE_BY_OTHERS = 0o022


@dataclass(frozen=True)
class Key:
    """One line of the file. Times are in seconds since 1970."""

    id: str
    name: str
    digest: str
    scopes: tuple[Scope, ...]
    streams: tuple[str, ...]
    created: float
    expires: float | None = None

    def principal(self) -> Principal:
        """Return whoever holds this key."""
        return Principal(self.id, frozenset(self.scopes), self.streams, self.expires)

    def opens_with(self, secret: str) -> bool:
        """Tell whether this is the key's secret, in a time that does not depend on it."""
        return hmac.compare_digest(self.digest, digest(secret))


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


def split(token: str) -> tuple[str, str]:
    """Return the id and the secret of a key as a client sends it; both empty if it is none."""
    parts = token.split("_", 2)
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == PREFIX else ("", "")


class KeyFile:
    """The file, read whole and replaced whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Key]:
        """Return the keys by id.

        Raises:
            ConfigError: there is no such file, it is no file of keys, or others may write it.
        """
        try:
            mode = self.path.stat().st_mode
            text = self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"the file of keys {str(self.path)!r} cannot be read ({_reason(error)}); make it "
                "with `longwatch keys add`"
            ) from None
        if os.name == "posix" and mode & WRITABLE_BY_OTHERS:
            raise ConfigError(
                f"others may write the file of keys {str(self.path)!r}, and so let themselves in; "
                f"run chmod 600 {self.path}"
            )
        try:
            found = _Content.model_validate_json(text)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "its form"
            raise ConfigError(
                f"{str(self.path)!r} is no file of keys ({where} is wrong); make one with "
                "`longwatch keys add`"
            ) from None
        return {record.id: Key(**record.model_dump()) for record in found.keys}

    def add(
        self,
        name: str,
        scopes: Sequence[Scope],
        streams: Sequence[str] = ("*",),
        expires: float | None = None,
    ) -> tuple[Key, str]:
        """Add a key, to a new file if there is none; return it, and the token to be shown once."""
        secret = secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(4),
            name=name,
            digest=digest(secret),
            scopes=tuple(scopes),
            streams=tuple(streams),
            created=time.time(),
            expires=expires,
        )
        with self._replacing() as keys:
            keys[key.id] = key
        return key, f"{PREFIX}_{key.id}_{secret}"

    def revoke(self, key_id: str) -> Key:
        """Take a key out; `NotFoundError` if there is none of that id."""
        with self._replacing() as keys:
            if key_id not in keys:
                raise NotFoundError(
                    f"there is no key {key_id[:80]!r}; `longwatch keys list` shows their ids"
                )
            return keys.pop(key_id)

    @contextmanager
    def _replacing(self) -> Iterator[dict[str, Key]]:
        """Give the keys to be changed, and put the file in place at once, for its owner alone."""
        draft = self.path.with_name(self.path.name + ".new")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConfigError(
                f"somebody else changes the file of keys; if nobody does, remove {str(draft)!r}"
            ) from None
        except OSError as error:
            raise ConfigError(
                f"the file of keys cannot be written ({_reason(error)}); correct its folder"
            ) from None
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                keys = self.read() if self.path.exists() else {}
                yield keys
                rows: list[dict[str, Any]] = [asdict(key) for key in keys.values()]
                json.dump({"version": VERSION, "keys": rows}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


class _Record(BaseModel):
    """A key as it stands in the file."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    name: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...]
    streams: tuple[str, ...]
    created: float
    expires: float | None = None


class _Content(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=VERSION, le=VERSION)
    keys: tuple[_Record, ...]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is not text"


log = logging.getLogger(__name__)
Stamp = tuple[int, int, int]
_NO_KEY = Key("", "", digest(""), (), (), 0.0)  # what an unknown id is compared with


class KeyStore:
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

    def is_valid(self, principal: Principal) -> bool:
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
