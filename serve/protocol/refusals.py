"""An error as an HTTP response."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from longwatch.errors import AuthenticationError
from longwatch.serve.protocol.errors import error_object, http_status, retry_after

if TYPE_CHECKING:
    from longwatch.errors import LongwatchError


def error_response(error: LongwatchError) -> JSONResponse:
    """Return the response that tells of `error`, with the headers that its status asks for."""
    headers = {}
    wait = retry_after(error)
    if wait is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    if isinstance(error, AuthenticationError):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": error_object(error)}, http_status(error), headers)
