"""Opens a source with libav, with everything that its kind needs."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import av

from longwatch.errors import LongwatchError
from longwatch.stream.pull.errors import fault, opening_fault
from longwatch.stream.pull.http import Fetcher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

    from longwatch.stream.pull.process import PullJob

LIVE = {
    "fflags": "nobuffer+discardcorrupt",
    "flags": "low_delay",
    "max_delay": "500000",  # microseconds that packets of a datagram stream are put in order
}
SECURE = ("rtsps", "rtmps", "https")
# What is given as bytes may name other files, as playlists do; libav opens none of them by itself.
ALONE = {"protocol_whitelist": "none"}
HLS = {  # the pieces of a playlist are fetched by us, one connection each
    "protocol_whitelist": "http,https",
    "http_persistent": "0",
    "http_multiple": "0",
    "allowed_extensions": "ALL",
}


@contextmanager
def opened(job: PullJob) -> Iterator[tuple[InputContainer, str]]:
    """Open the source of `job`; yields the container and the transport that it came by.

    Everything happens on the thread that enters, which is to leave it again.

    Raises:
        SourceError: it cannot be opened; the code says why.
        InputError: it may not be fetched (`source_forbidden_url`).
    """
    with ExitStack() as held:
        container, transport = _open(job, held)
        held.enter_context(container)
        yield container, transport


def _open(job: PullJob, held: ExitStack) -> tuple[InputContainer, str]:
    address = job.address
    if address.kind != "rtsp":
        return _attempt(job, "", held), ""
    if address.transport != "auto":
        return _attempt(job, address.transport, held), address.transport
    first = job.transport or "tcp"
    try:
        return _attempt(job, first, held), first
    except LongwatchError as error:
        if error.code != "source_transport_unsupported":
            raise
    other = "udp" if first == "tcp" else "tcp"
    return _attempt(job, other, held), other


def _attempt(job: PullJob, transport: str, held: ExitStack) -> InputContainer:
    start = time.monotonic()
    try:
        return _by_kind(job, transport, held)
    except LongwatchError:
        raise
    except Exception as error:  # noqa: BLE001  libav's bindings raise many types, with the URL in them
        secure = job.address.scheme in SECURE
        raise opening_fault(error, time.monotonic() - start, secure=secure) from None


def _by_kind(job: PullJob, transport: str, held: ExitStack) -> InputContainer:
    """Open the source; what libav does not close is `held`."""
    address, settings = job.address, job.settings
    if address.kind == "file":
        path = job.rules.file(address)
        if not path.is_file():
            raise fault("source_not_found")
        file = held.enter_context(path.open("rb"))
        return av.open(file, "r", options=ALONE, io_open=_refuse)
    limits = (settings.open_s, settings.read_s)
    if address.kind == "http":
        fetcher = Fetcher(job)
        held.push(fetcher.blame)
        first = held.enter_context(closing(fetcher.open(address.url)))
        form = "hls" if first.is_playlist else None
        options = HLS if first.is_playlist else ALONE
        return av.open(
            first, "r", format=form, options=options, timeout=limits, io_open=fetcher.io_open
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


def _refuse(url: str, flags: int, options: dict[str, Any]) -> Any:
    """Open nothing."""
    raise OSError("a file may not name others")
