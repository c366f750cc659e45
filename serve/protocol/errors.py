"""Errors as clients see them: the object on the wire, the response, the close code."""

from __future__ import annotations

import math
from typing import Any

from starlette.responses import JSONResponse

from longwatch.errors import (
    AuthenticationError,
    ClosedError,
    EmptyStreamError,
    ForbiddenError,
    InputError,
    LimitError,
    LongwatchError,
    NotFoundError,
)

HTTP_STATUS: tuple[tuple[type[LongwatchError], int], ...] = (
    (NotFoundError, 404),
    (AuthenticationError, 401),
    (ForbiddenError, 403),
    (InputError, 400),
    (LimitError, 429),
    (ClosedError, 503),
)
STATUS_OF_CODE = {  # where the class alone does not tell
    "frame_too_large": 413,
    "message_too_large": 413,
    "origin_not_allowed": 403,
    "unsupported_encoding": 415,
    "request_timeout": 408,
}


def internal() -> LongwatchError:
    """Return what a client is told of a bug in the service; the log holds the rest."""
    return LongwatchError(
        "the service failed while handling this; try again, and report it if that fails too"
    )


def error_object(error: LongwatchError) -> dict[str, Any]:
    """Return the fields that OpenAI's error objects have, on either way."""
    return {
        "type": error.kind,
        "code": error.code,
        "message": str(error),
        "param": error.param,
    }


def retryable(error: LongwatchError) -> bool:
    """Tell whether the same request may succeed a little later."""
    return isinstance(error, LimitError | EmptyStreamError | ClosedError)


def retry_after(error: LongwatchError) -> float | None:
    """Return the seconds after which to try again; None if that is of no use."""
    if isinstance(error, LimitError):
        return error.retry_after
    return 1.0 if retryable(error) else None


def http_status(error: LongwatchError) -> int:
    """Return the HTTP status of an error; 500 for whatever is not the client's doing."""
    by_class = next((status for kind, status in HTTP_STATUS if isinstance(error, kind)), 500)
    return STATUS_OF_CODE.get(error.code, by_class)


def error_response(error: LongwatchError) -> JSONResponse:
    """Return the response that tells of `error`, with the headers that its status asks for."""
    headers = {}
    wait = retry_after(error)
    if wait is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    if isinstance(error, AuthenticationError):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": error_object(error)}, http_status(error), headers)


class CloseConnection(Exception):  # noqa: N818 - it ends a connection, which may be quite in order
    """Tells the client of `error`, if there is one, and closes the connection with `code`."""

    def __init__(self, code: int, error: LongwatchError | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.error = error
