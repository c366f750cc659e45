"""Which addresses the service may fetch: nobody must reach through it what they cannot reach.

Without a list of hosts, cameras (RTSP and RTMP) may be anywhere, in private networks and on this
machine too, for that is where cameras are; HTTP, by which much else can be asked, only at public
addresses. With a list, every host must be on it. Link-local addresses, those at which clouds tell
their machines' secrets, and such as are no single machine's are never fetched. It is the resolved
addresses that are judged, all of them, and the connection goes to one of those.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from longwatch.errors import ConfigError, InputError, SourceError
from longwatch.stream.addresses import is_forbidden, is_metadata_host, is_private, parse_ip
from longwatch.stream.pull.address import PORTS

if TYPE_CHECKING:
    from longwatch.stream.addresses import IP
    from longwatch.stream.pull.address import Address


@dataclass(frozen=True)
class UrlPolicy:
    """What may be fetched."""

    hosts: tuple[str, ...] = ()  # names (`*.example.org`), addresses or networks; () is the default
    root: str = ""  # folder of the files that may be read; none without it
    cameras: bool = False  # whether cameras of this machine may be opened

    def __post_init__(self) -> None:
        """Check the settings."""
        for host in self.hosts:
            if not host or "://" in host or ("/" in host and _network(host) is None):
                raise ConfigError(
                    f"{host!r} is no host, address or network; write cam.lan, *.example.org or "
                    "192.168.1.0/24"
                )

    def check(self, address: Address) -> None:
        """Refuse what is known to be forbidden before any name is looked up.

        Raises:
            InputError: it may not be fetched (`source_forbidden_url`).
        """
        if address.kind == "camera":
            if not self.cameras:
                raise forbidden("cameras of the server may not be opened here (pull_cameras)")
        elif address.kind == "file":
            self.file(address)
        else:
            host = (address.parts.hostname or "").rstrip(".")
            if is_metadata_host(host):
                raise forbidden("it names the metadata of the machine, which is never fetched")
            literal = _literal(host)
            if literal is not None:
                self._check_ip(address, literal)
            elif self.hosts and not self._named(host) and not any(map(_network, self.hosts)):
                raise forbidden(f"the host {host!r} is not one of pull_hosts")

    def file(self, address: Address) -> Path:
        """Return the file that an address names, which lies under the root whatever links say.

        Raises:
            InputError: it does not, or no root is set (`source_forbidden_url`).
        """
        if not self.root:
            raise forbidden("files of the server are not read here; name their folder: pull_root")
        root = Path(self.root).expanduser().resolve()
        name = address.url.removeprefix("file:")
        try:
            path = (root / name).resolve()
        except (OSError, ValueError, RuntimeError):
            raise forbidden("it is not the path of a file") from None
        if not path.is_relative_to(root):
            raise forbidden("it does not lie in the folder whose files may be read (pull_root)")
        return path

    def resolve(self, address: Address) -> str:
        """Return an IP address to connect to; may wait for the name service.

        Raises:
            SourceError: the name is not known (`source_dns`).
            InputError: one of its addresses may not be fetched (`source_forbidden_url`).
        """
        self.check(address)
        host = address.parts.hostname or ""
        port = address.parts.port or PORTS[address.scheme]
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise SourceError(
                f"the name {host!r} is not known; correct it, or check the name service",
                code="source_dns",
            ) from None
        addresses = [str(entry[4][0]) for entry in found]
        for each in addresses:
            self._check_ip(address, parse_ip(each))
        return addresses[0]

    def _named(self, host: str) -> bool:
        return any(fnmatchcase(host.lower(), known.lower()) for known in self.hosts)

    def _check_ip(self, address: Address, ip: IP) -> None:
        if is_forbidden(ip):
            raise forbidden("link-local, metadata and group addresses are never fetched")
        if self.hosts:
            host = address.parts.hostname or ""
            nets = [net for net in map(_network, self.hosts) if net is not None]
            if not self._named(host) and not any(ip in net for net in nets):
                raise forbidden(f"the host {host!r} is not one of pull_hosts")
        elif address.kind == "http" and is_private(ip):
            raise forbidden(
                "by HTTP, addresses of private networks and of this machine are fetched only if "
                "pull_hosts names them"
            )


def forbidden(why: str) -> InputError:
    """Return the error for an address that may not be fetched."""
    return InputError(
        f"this address may not be fetched: {why}; choose another one, or let whoever runs the "
        "service allow it",
        code="source_forbidden_url",
        param="source.url",
    )


def _literal(host: str) -> IP | None:
    """Return the address that `host` is; names, and numbers of other forms, are none."""
    try:
        return parse_ip(host)
    except ValueError:
        return None


def _network(host: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(host, strict=False)
    except ValueError:
        return None
