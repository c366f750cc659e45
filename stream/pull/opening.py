"""Opens a source with libav, with everything that its kind needs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import av

from longwatch.errors import LongwatchError
from longwatch.stream.pull.faults import fault, opening_fault
from longwatch.stream.pull.http import Fetcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

    from longwatch.stream.pull.job import Job

LIVE = {
    "fflags": "nobuffer+discardcorrupt",
    "flags": "low_delay",
    "max_delay": "500000",  # microseconds that packets of a datagram stream are put in order
}
SECURE = ("rtsps", "rtmps", "https")
PLAYLISTS = (".m3u8", ".m3u")


@contextmanager
def opened(job: Job) -> Iterator[tuple[InputContainer, str]]:
    """Open the source of `job`; yields the container and the transport that it came by.

    Everything happens on the thread that enters, which is to leave it again.

    Raises:
        SourceError: it cannot be opened; the code says why.
        InputError: it may not be fetched (`source_forbidden_url`).
    """
    container, transport = _open(job)
    with container:
        yield container, transport


def _open(job: Job) -> tuple[InputContainer, str]:
    address = job.address
    if address.kind != "rtsp":
        return _attempt(job, ""), ""
    if address.transport != "auto":
        return _attempt(job, address.transport), address.transport
    first = job.transport or "tcp"
    try:
        return _attempt(job, first), first
    except LongwatchError as error:
        if error.code != "source_transport_unsupported":
            raise
    other = "udp" if first == "tcp" else "tcp"
    return _attempt(job, other), other


def _attempt(job: Job, transport: str) -> InputContainer:
    start = time.monotonic()
    try:
        return _by_kind(job, transport)
    except LongwatchError:
        raise
    except Exception as error:  # noqa: BLE001  libav's bindings raise many types, with the URL in them
        secure = job.address.scheme in SECURE
        raise opening_fault(error, time.monotonic() - start, secure=secure) from None


def _by_kind(job: Job, transport: str) -> InputContainer:
    address, settings = job.address, job.settings
    if address.kind == "file":
        path = job.rules.file(address)
        if not path.is_file():
            raise fault("source_not_found")
        # A file may name others, such as the pieces of a playlist; these are not read.
        return av.open(str(path), "r", options={"protocol_whitelist": "file"})
    limits = (settings.open_s, settings.read_s)
    if address.kind == "http":
        fetcher = Fetcher(job)
        first = fetcher.open(address.url)
        options = {"http_persistent": "0", "http_multiple": "0", "protocol_whitelist": "http,https"}
        playlist = address.parts.path.lower().endswith(PLAYLISTS) or "mpegurl" in first.kind
        return av.open(
            first,
            "r",
            format="hls" if playlist else None,
            options={**options, "allowed_extensions": "ALL"} if playlist else {},
            timeout=limits,
            io_open=fetcher.io_open,
        )
    # A name is looked up once, judged, and connected to by number; only TLS needs the name itself.
    number = job.rules.resolve(address)
    url = address.with_credentials(None if address.scheme in SECURE else number)
    if address.kind == "rtmp":
        reach = {"protocol_whitelist": "rtmp,rtmps,tcp,tls,crypto"}
    else:
        reach = {
            "rtsp_transport": transport,
            "analyzeduration": "0",  # or it takes three seconds to open, and these come late
            "probesize": "32",
            "timeout": str(round(settings.read_s * 1e6)),  # of the socket, in microseconds
            "protocol_whitelist": "rtsp,rtsps,rtp,udp,tcp,tls,crypto",
        }
    return av.open(url, "r", options={**LIVE, **reach}, timeout=limits)
