"""Fetches by HTTP for libav, which would follow a redirect to anywhere.

Every connection, of the source itself, of what it redirects to, and of each piece that a playlist
names, is judged by the rules and made to the very address that was judged. The user and the
password go to the source's own host alone.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from longwatch.errors import LongwatchError, SourceError
from longwatch.stream.pull.address import PORTS, parse_address
from longwatch.stream.pull.errors import fault

if TYPE_CHECKING:
    from longwatch.stream.pull.address import Address
    from longwatch.stream.pull.process import PullJob

REDIRECTS = 5
MOVED = (301, 302, 303, 307, 308)
CODES = {401: "source_auth_failed", 403: "source_auth_failed"}
CODES |= {404: "source_not_found", 410: "source_not_found"}


class Fetcher:
    """Opens URLs for one source."""

    def __init__(self, job: PullJob) -> None:
        self._job = job
        self._tls: ssl.SSLContext | None = None
        self._forbidden: LongwatchError | None = None

    def open(self, url: str) -> Body:
        """Return the body of `url`, which is wherever redirects led.

        Raises:
            SourceError: it cannot be fetched.
            InputError: it, or what it redirects to, may not be (`source_forbidden_url`).
        """
        for _ in range(REDIRECTS + 1):
            address = parse_address(url)
            if address.kind != "http":
                raise fault("source_forbidden_url")
            reply = self._get(address)
            if reply.status in MOVED:
                url = urljoin(address.url, reply.getheader("Location") or "")
                reply.close()
                continue
            if not 200 <= reply.status < 300:
                reply.close()
                raise fault(CODES.get(reply.status, "source_refused"))
            return Body(reply, address.url)
        raise SourceError(
            f"the source redirects more than {REDIRECTS} times; give the last URL",
            code="source_refused",
        )

    def io_open(self, url: str, flags: int, options: dict[str, Any]) -> Body:
        """Open a piece that a playlist names; what libav calls."""
        try:
            return self.open(url)
        except LongwatchError as error:
            if error.code == "source_forbidden_url":
                self._forbidden = error
            raise OSError(error.code) from None

    def blame(self, *_: object) -> None:
        """Raise that a piece may not be fetched, if so; libav would only say that it could not."""
        if self._forbidden is not None:
            raise self._forbidden from None

    def _get(self, address: Address) -> http.client.HTTPResponse:
        number = self._job.rules.resolve(address)  # judged, and connected to by number
        host, port = address.parts.hostname or "", address.parts.port
        settings = self._job.settings
        try:
            place = (number, port or PORTS[address.scheme])
            connection = http.client.HTTPConnection(*place, timeout=settings.open_s)
            connected: socket.socket = socket.create_connection(place, settings.open_s)
            if address.scheme == "https":
                self._tls = self._tls or ssl.create_default_context()
                connected = self._tls.wrap_socket(connected, server_hostname=host)
            connected.settimeout(settings.read_s)
            connection.sock = connected
            target = address.parts.path or "/"
            target += f"?{address.parts.query}" if address.parts.query else ""
            connection.request("GET", target, headers=self._headers(address))
            return connection.getresponse()
        except ssl.SSLError:
            raise fault("source_tls") from None
        except TimeoutError:
            raise fault("source_timeout") from None
        except (OSError, http.client.HTTPException, ValueError):
            raise fault("source_refused") from None

    def _headers(self, address: Address) -> dict[str, str]:
        own = self._job.address
        headers = {"Host": address.parts.netloc, "User-Agent": "longwatch", "Accept": "*/*"}
        same = (own.scheme, own.parts.netloc) == (address.scheme, address.parts.netloc)
        if same and (own.username or own.password):
            pair = f"{own.username or ''}:{own.password or ''}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        return headers


class Body:
    """What libav reads from; it cannot be sought in."""

    def __init__(self, reply: http.client.HTTPResponse, url: str) -> None:
        self.name = url  # what names in a playlist are relative to
        self.kind = (reply.getheader("Content-Type") or "").lower()
        self._reply = reply

    @property
    def is_playlist(self) -> bool:
        """Whether it names the pieces of a video instead of being one."""
        path = self.name.partition("?")[0].lower()
        return path.endswith((".m3u8", ".m3u")) or "mpegurl" in self.kind

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as they come; none at the end.

        Raises:
            TimeoutError: nothing came in time.
            OSError: the connection broke.
        """
        try:
            return self._reply.read1(size)
        except http.client.HTTPException as error:
            raise OSError(type(error).__name__) from None

    def close(self) -> None:
        """Close the connection."""
        self._reply.close()
