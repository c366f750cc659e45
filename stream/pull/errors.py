"""What libav's errors mean, as codes of ours. Its own texts hold the URL with the password."""

from __future__ import annotations

import errno

import av.error as av

from longwatch.errors import SourceError

FROZEN = 2.0  # seconds; what is not valid after so long is most likely not there at all
SENTENCES = {
    "source_auth_failed": "the source refuses the user or the password; correct them",
    "source_not_found": "the source knows no such path; correct the URL",
    "source_refused": "nothing accepts connections there; check the host, the port and the source",
    "source_timeout": "the source does not answer in time; check that it runs and can be reached",
    "source_stalled": "the source sends nothing any more; it is tried again",
    "source_dns": "the name of the source is not known; correct it, or check the name service",
    "source_tls": "no secure connection comes about; check the certificate and the port",
    "source_codec_unsupported": "the source's video cannot be decoded here; let it send H.264",
    "source_no_video": "the source has no video; choose another one",
    "source_transport_unsupported": "the source does not send this way; choose tcp, udp or auto",
    "source_corrupt": "what the source sends cannot be read; check the source and the network",
    "decode_timeout": "a picture of the source takes too long to decode; let it send smaller ones",
    "source_ended": "the source ended the connection; it is tried again",
    "source_forbidden_url": "this address may not be fetched; choose another one",
    "source_error": "the source failed in a way that is not known; see the log",
}
BY_TYPE: tuple[tuple[type[BaseException], str], ...] = (
    (av.HTTPUnauthorizedError, "source_auth_failed"),
    (av.HTTPForbiddenError, "source_auth_failed"),
    (av.HTTPNotFoundError, "source_not_found"),
    (av.HTTPServerError, "source_refused"),
    (av.HTTPClientError, "source_refused"),
    (av.DecoderNotFoundError, "source_codec_unsupported"),
    (av.ProtocolNotFoundError, "source_forbidden_url"),
    (av.ArgumentError, "source_forbidden_url"),  # what `protocol_whitelist` leaves out
    (av.ExitError, "source_timeout"),
    (TimeoutError, "source_timeout"),
    (FileNotFoundError, "source_not_found"),
    (ConnectionRefusedError, "source_refused"),
)
BY_NUMBER = {
    errno.EPROTONOSUPPORT: "source_transport_unsupported",
    errno.ETIMEDOUT: "source_timeout",
    errno.EHOSTUNREACH: "source_refused",
    errno.ENETUNREACH: "source_refused",
    errno.EACCES: "source_auth_failed",
}


def fault(code: str) -> SourceError:
    """Return the error with this code."""
    return SourceError(SENTENCES.get(code, SENTENCES["source_error"]), code=code)


def opening_fault(error: BaseException, elapsed: float, *, secure: bool) -> SourceError:
    """Return what kept a source from being opened, `elapsed` seconds after it was tried."""
    for kind, code in BY_TYPE:
        if isinstance(error, kind):
            return fault(code)
    number = error.errno if isinstance(error, OSError) else None
    if number in BY_NUMBER:
        return fault(BY_NUMBER[number])
    if isinstance(error, av.InvalidDataError):
        return fault("source_timeout" if elapsed > FROZEN else "source_corrupt")
    if isinstance(error, OSError):
        return fault("source_tls" if secure else "source_refused")
    return fault("source_error")


def reading_fault(error: BaseException) -> SourceError:
    """Return what broke a source that was open."""
    if isinstance(error, av.ExitError | TimeoutError):
        return fault("source_stalled")
    if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:
        return fault("source_stalled")
    if isinstance(error, av.InvalidDataError):
        return fault("source_corrupt")
    if isinstance(error, EOFError | OSError):
        return fault("source_ended")
    return fault("source_error")
