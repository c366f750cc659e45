"""Where a source is, with its credentials apart, and what of it may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from longwatch.errors import InputError

NETWORK = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https")
KINDS = {"rtsps": "rtsp", "rtmps": "rtmp", "https": "http"}
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
TRANSPORTS = ("auto", "tcp", "udp")
# Some cameras take the password in the path or the query: `/user=admin_password=x_channel=1`.
SECRET = re.compile(
    r"((?:user(?:name)?|login|pass(?:word|wd)?|pwd|token|secret|signature|sig|auth|api_?key|key)=)"
    r"[^&;/?#\s'\"]*?(?=_[a-z]+=|[&;/?#\s'\"]|$)",
    re.IGNORECASE,
)
USERINFO = re.compile(r"(?<=://)[^/?#\s'\"]*@")
HIDDEN = "***"


@dataclass(frozen=True)
class Address:
    """A source to be pulled. `url` holds no user and no password; these stand beside it."""

    url: str
    transport: str = "auto"
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    loop: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without looking anything up."""
        if self.transport not in TRANSPORTS:
            raise _invalid(f"the transport {self.transport[:16]!r} is not auto, tcp or udp")
        if self.loop and self.kind != "file":
            raise _invalid("loop is for files; leave it out")
        if self.kind in ("file", "camera") and (self.username or self.password):
            raise _invalid(f"a {self.kind} takes no user and no password; leave them out")

    @property
    def scheme(self) -> str:
        """The URL's scheme, `camera` or `file`."""
        return self.url.partition(":")[0]

    @property
    def kind(self) -> str:
        """`rtsp`, `rtmp`, `http`, `file` or `camera`."""
        return KINDS.get(self.scheme, self.scheme)

    @property
    def parts(self) -> SplitResult:
        """The URL's parts."""
        return urlsplit(self.url)

    @property
    def shown(self) -> str:
        """The address as anybody may see it."""
        return redact(self.url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not stand in any output, in every spelling in which it goes out."""
        given = [secret for secret in (self.password, self.username) if secret]
        return tuple({*given, *(quote(secret, safe="") for secret in given)})

    def with_credentials(self, host: str | None = None) -> str:
        """Return the URL as libav takes it, at the address `host` instead of its own."""
        parts = self.parts
        place = parts.hostname or ""
        if host is not None:
            place = host
        if ":" in place:
            place = f"[{place}]"
        if parts.port is not None:
            place += f":{parts.port}"
        if self.username is not None or self.password is not None:
            user, password = (quote(part or "", safe="") for part in (self.username, self.password))
            place = f"{user}:{password}@{place}"
        return urlunsplit((parts.scheme, place, parts.path, parts.query, ""))

    def json(self) -> dict[str, Any]:
        """Return what is told of the source; of the credentials, whether there are some."""
        return {
            "kind": "pull",
            "url": self.shown,
            "transport": self.transport,
            "credentials": self.username is not None or self.password is not None,
            "loop": self.loop,
        }


def parse_address(
    url: str,
    *,
    transport: str = "auto",
    username: str | None = None,
    password: str | None = None,
    loop: bool = False,
) -> Address:
    """Return the address that `url` names; credentials in it are taken out of it.

    Those given beside it win. A path without a scheme is a file.

    Raises:
        InputError: it is no URL (`invalid_value`), or of a kind that is not fetched
            (`source_forbidden_url`).
    """
    if any(ord(char) < 33 or ord(char) == 127 for char in url.strip(" ")) and ":/" in url:
        raise _invalid("a URL has no blanks and no control characters; encode them as %20")
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    beside = {"transport": transport, "loop": loop}
    if scheme == "camera" and colon:
        if not re.fullmatch(r"\d{1,3}", rest):
            raise _invalid("a camera of the server is named by its number, such as camera:0")
        return Address(f"camera:{int(rest)}", transport, username, password, loop)
    if not colon or (len(scheme) == 1 and rest.startswith(("/", "\\"))):  # C:/clip.mp4
        return Address(f"file:{url}", transport, username, password, loop)
    if scheme == "file":
        path = unquote(urlsplit(url).path) if rest.startswith("//") else rest
        return Address(f"file:{path}", transport, username, password, loop)
    if scheme not in NETWORK:
        raise InputError(
            f"addresses of the kind {scheme[:16]!r} are not fetched; use {', '.join(NETWORK)}, "
            "a file of the server, or camera:N",
            code="source_forbidden_url",
            param="source.url",
        )
    return _network(url, scheme, username, password, **beside)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return `text` without credentials in URLs, and without `secrets`."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return SECRET.sub(rf"\1{HIDDEN}", USERINFO.sub(f"{HIDDEN}@", text))


def _network(
    url: str, scheme: str, username: str | None, password: str | None, **beside: Any
) -> Address:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, or half an IPv6 address
        raise _invalid("the URL's host or port is not valid; write rtsp://host:554/path") from None
    if not host or port == 0:
        raise _invalid("the URL names no host; write it like rtsp://host:554/path")
    if username is None and parts.username is not None:
        username = unquote(parts.username)
    if password is None and parts.password is not None:
        password = unquote(parts.password)
    place = f"[{host}]" if ":" in host else host
    place += "" if port is None else f":{port}"
    clean = urlunsplit((scheme, place, parts.path, parts.query, ""))
    return Address(clean, username=username, password=password, **beside)


def _invalid(sentence: str) -> InputError:
    return InputError(sentence, param="source.url")
