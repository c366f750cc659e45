"""Whose certificates a client trusts."""

from __future__ import annotations

import ssl
from pathlib import Path

from longwatch.errors import InputError

Ca = str | Path | ssl.SSLContext | None


def trust(ca: Ca) -> ssl.SSLContext:
    """Return what checks a server's certificate: by the system's authorities, or those of `ca`.

    `ca` is a PEM file, or a context of the caller's own.

    Raises:
        InputError: the file cannot be read, or holds no certificate.
    """
    if isinstance(ca, ssl.SSLContext):
        return ca
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(Path(ca).expanduser()))
    except OSError as error:  # ssl.SSLError is one
        raise InputError(
            f"{str(ca)!r} holds no certificate ({error.strerror or error}); give a PEM file of the "
            "authority that signed the server's",
            param="ca",
        ) from None
