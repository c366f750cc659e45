"""What errors of libav mean."""

from __future__ import annotations

import errno

import av.error
import pytest

from longwatch.stream.pull.errors import SENTENCES, fault, opening_fault, reading_fault
from longwatch.stream.pull.supervisor import SLOW

URL = "rtsp://user:hunter2@cam/"


@pytest.mark.parametrize(
    ("error", "elapsed", "code"),
    [
        (av.error.HTTPUnauthorizedError(1, "401", URL), 0.1, "source_auth_failed"),
        (av.error.HTTPForbiddenError(1, "403", URL), 0.1, "source_auth_failed"),
        (av.error.HTTPNotFoundError(1, "404", URL), 0.1, "source_not_found"),
        (av.error.HTTPServerError(1, "5XX", URL), 0.1, "source_refused"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused", URL), 0.1, "source_refused"),
        (OSError(errno.EPROTONOSUPPORT, "no", URL), 0.1, "source_transport_unsupported"),
        (OSError(errno.EHOSTUNREACH, "no", URL), 0.1, "source_refused"),
        (av.error.ExitError(1, "exit", URL), 9.0, "source_timeout"),
        (TimeoutError(errno.ETIMEDOUT, "late", URL), 6.0, "source_timeout"),
        (av.error.InvalidDataError(1, "bad", URL), 0.1, "source_corrupt"),
        (av.error.InvalidDataError(1, "bad", URL), 3.0, "source_timeout"),
        (av.error.ArgumentError(1, "bad", URL), 0.1, "source_forbidden_url"),
        (RuntimeError(URL), 0.1, "source_error"),
    ],
)
def test_an_error_at_the_opening_has_its_code_and_no_url(
    error: Exception, elapsed: float, code: str
) -> None:
    found = opening_fault(error, elapsed, secure=False)
    assert found.code == code
    assert "hunter2" not in str(found)


def test_a_nameless_error_of_a_secure_source_is_of_the_security() -> None:
    error = OSError(errno.EIO, "io", URL)
    assert opening_fault(error, 0.1, secure=True).code == "source_tls"
    assert opening_fault(error, 0.1, secure=False).code == "source_refused"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (av.error.ExitError(1, "exit", URL), "source_stalled"),
        (OSError(errno.ETIMEDOUT, "late", URL), "source_stalled"),
        (av.error.InvalidDataError(1, "bad", URL), "source_corrupt"),
        (av.error.EOFError(1, "end", URL), "source_ended"),
        (ConnectionResetError(errno.ECONNRESET, "reset", URL), "source_ended"),
        (RuntimeError(URL), "source_error"),
    ],
)
def test_an_error_while_reading_has_its_code_and_no_url(error: Exception, code: str) -> None:
    found = reading_fault(error)
    assert found.code == code
    assert "hunter2" not in str(found)


def test_every_code_has_a_sentence_that_says_what_to_do() -> None:
    assert SENTENCES.keys() >= SLOW
    for code, sentence in SENTENCES.items():
        assert fault(code).code == code
        assert ";" in sentence
