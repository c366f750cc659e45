"""The few plain HTTP requests of a client, with the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from longwatch.client.transport import Ca, realtime_url, trust
from longwatch.errors import ClosedError, ServerError


def get_json(
    url: str, path: str, api_key: str | None = None, timeout: float = 30.0, ca: Ca = None
) -> Any:
    """Return the JSON document at `path` of the service; see `read`."""
    body, _ = read(url, path, api_key, timeout, ca)
    try:
        return json.loads(body)
    except ValueError as failure:
        raise ClosedError(
            f"what answers at {path} is no service of ours ({failure}); correct the address",
            code="server_unreachable",
        ) from None


def read(
    url: str, path: str, api_key: str | None = None, timeout: float = 30.0, ca: Ca = None
) -> tuple[bytes, dict[str, str]]:
    """Return what is at `path` of the service at `url`; blocks up to `timeout` seconds.

    With the body come its headers, their names in small letters.

    Raises:
        InputError: `url` is not the address of a service.
        ClosedError: nothing answers there (code `server_unreachable`).
        ServerError: the server answered with an error.
    """
    parts = urlsplit(realtime_url(url))
    base = parts.path.removesuffix("/v1/realtime")
    scheme = {"ws": "http", "wss": "https"}[parts.scheme]
    request = urllib.request.Request(  # the scheme is one of these two
        urlunsplit((scheme, parts.netloc, base + path, "", "")),
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
    )
    secure = trust(ca) if scheme == "https" else None
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=secure) as reply:
            return reply.read(), {name.lower(): value for name, value in reply.headers.items()}
    except urllib.error.HTTPError as refused:
        with refused:
            raise ServerError(
                f"{path} answered with HTTP status {refused.code}; check the address and the key",
                code=f"http_{refused.code}",
                kind="server_error" if refused.code >= 500 else "invalid_request_error",
            ) from None
    except (OSError, HTTPException) as failure:
        raise ClosedError(
            f"no service answers at {scheme}://{parts.hostname}:{parts.port or ''} ({failure}); "
            "start one with `longwatch serve`, or give the address of another one",
            code="server_unreachable",
        ) from None
