"""Errors as clients see them."""

from __future__ import annotations

import pytest

from longwatch.errors import InputError, LimitError, LongwatchError, NotFoundError
from longwatch.serve.protocol.errors import error_object, http_status, internal, retryable


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (NotFoundError("x"), 404, False),
        (InputError("x"), 400, False),
        (LimitError("x"), 429, True),
        (LongwatchError("x"), 500, False),
        (internal(), 500, False),
    ],
)
def test_every_error_has_a_status(error: LongwatchError, status: int, again: bool) -> None:
    assert (http_status(error), retryable(error)) == (status, again)
    assert error_object(error)["message"] == str(error)
