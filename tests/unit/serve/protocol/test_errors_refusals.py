"""Errors over HTTP."""

from __future__ import annotations

import json

from longwatch.errors import AuthenticationError, ForbiddenError, InputError, LimitError
from longwatch.serve.protocol.errors import error_response


def test_a_refusal_says_what_to_do_next_in_its_headers() -> None:
    told = error_response(LimitError("slow down", retry_after=2.1))
    assert (told.status_code, told.headers["retry-after"]) == (429, "3")
    told = error_response(AuthenticationError("who?"))
    assert (told.status_code, told.headers["www-authenticate"]) == (401, "Bearer")
    told = error_response(ForbiddenError("no"))
    assert told.status_code == 403
    assert "retry-after" not in told.headers
    assert json.loads(bytes(told.body))["error"]["type"] == "permission_error"


def test_some_codes_have_a_status_of_their_own() -> None:
    for code, status in (
        ("origin_not_allowed", 403),
        ("unsupported_encoding", 415),
        ("request_timeout", 408),
        ("message_too_large", 413),
        ("anything", 400),
    ):
        assert error_response(InputError("x", code=code)).status_code == status
