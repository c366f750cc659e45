"""Checks every request before it is routed: who sends it, from where, and how large it is."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from longwatch.errors import InputError, LongwatchError, ProtocolError
from longwatch.serve.auth.origins import LOOPBACK, check_host, check_origin
from longwatch.serve.auth.principal import EVERYONE, NOBODY, Principal, acting_as
from longwatch.serve.auth.scopes import READS, is_open, scope_of_request, stream_of_request
from longwatch.serve.observability.context import log_context
from longwatch.serve.observability.tracing import called_by
from longwatch.serve.protocol.errors import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from longwatch.serve.service import Service

SECONDS = 30.0  # for the whole of a body


def limit_body(receive: Receive, limit: int, seconds: float = SECONDS) -> Receive:
    """Return `receive` for a body of at most `limit` bytes that is here within `seconds`.

    Reading it raises `ProtocolError` (`message_too_large`) or `InputError` (`request_timeout`).
    What comes after the body, such as the client's leaving, may take as long as it likes.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    size, whole = 0, False

    async def take() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise InputError(
                f"the body was not here within {seconds:g} s; send it faster, or less",
                code="request_timeout",
            ) from None
        size += len(message.get("body", b""))
        if size > limit:
            raise ProtocolError(
                f"a request may have {limit} bytes and this one has more; send less",
                code="message_too_large",
            )
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return take


log = logging.getLogger(__name__)


class AuthMiddleware:
    """Lets each request through as its principal, or refuses it.

    A websocket comes through as nobody: its route finds out who it is.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI's."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            principal = NOBODY if self._service.authenticator.needs_keys else EVERYONE
            with acting_as(principal), called_by(Headers(raw=list(scope.get("headers", ())))):
                await self._app(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            principal = self._admit(scope, headers)
        except LongwatchError as error:
            self._service.metrics.errors.labels(error.code).inc()
            # Not the path: some put a key there.
            log.info("a request was refused", extra={"code": error.code})
            await error_response(error)(scope, receive, send)
            return
        body = limit_body(receive, self._service.settings.max_message_bytes)
        with acting_as(principal), log_context(**self._ids(scope["path"])), called_by(headers):
            await self._app(scope, body, send)

    def _ids(self, path: str) -> dict[str, str]:
        """Return the stream that a path names, if there is one; else anything may stand there."""
        named = stream_of_request(path)
        there = (stream.name for stream in self._service.engine.streams())
        return {"stream": named} if named is not None and named in there else {}

    def _admit(self, scope: Scope, headers: Headers) -> Principal:
        """Return on whose behalf a request is; `LongwatchError` if it may not be done."""
        access, settings, path = self._service.authenticator, self._service.settings, scope["path"]
        if is_open(path) and "authorization" not in headers:
            return NOBODY if access.needs_keys else EVERYONE
        check_caller(self._service, headers, reads=scope["method"] in READS)
        principal = access.identify(bearer(headers), address(scope))
        if not is_open(path):
            principal.require(scope_of_request(scope["method"], path))
        stream = stream_of_request(path)
        if stream is not None and not principal.sees(stream):
            with acting_as(principal):  # it is said as of a stream that is not there
                self._service.engine.stream(stream)
        size = _check_body(headers, settings.max_message_bytes)
        if size:
            access.usage(principal).allowance.take("bytes", size)
        return principal


def check_caller(service: Service, headers: Headers, *, reads: bool) -> None:
    """Refuse a name of ours, or a page, that nobody allowed; see `origins`.

    Pages of other sites cannot see what they read, so that for reading the name alone matters.
    """
    settings, needs_keys = service.settings, service.authenticator.needs_keys
    if not needs_keys and settings.host in LOOPBACK:
        check_host(headers.get("host"), settings.hosts)
    if not reads:
        own = headers.get("host") if needs_keys else None
        check_origin(headers.get("origin"), own, settings.origins)


def bearer(headers: Headers) -> str | None:
    """Return the key in `Authorization`, if it has one."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


def address(scope: Scope) -> str:
    """Return where a connection comes from, as far as it is known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _check_body(headers: Headers, limit: int) -> int:
    """Return how long a body says that it is; refuse one that is packed or too long."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise InputError(
            "a body that is packed is not taken, as a small one may unpack to any size; send it "
            "as it is",
            code="unsupported_encoding",
        )
    told = headers.get("content-length", "0")
    if not told.isascii() or not told.isdecimal() or int(told) > limit:
        raise ProtocolError(
            f"a request may have {limit} bytes and this one has more; send less",
            code="message_too_large",
        )
    return int(told)
