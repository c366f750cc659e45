"""Runs the service: a port, a model, an engine, and their orderly end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import h11
import torch
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from longwatch.errors import ConfigError, ServerError
from longwatch.models.loader import load_model
from longwatch.serve.api.app import create_app
from longwatch.serve.auth.authenticator import Authenticator
from longwatch.serve.auth.origins import LOOPBACK
from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.persistence import open_persistence
from longwatch.serve.observability.logs import configure_logs
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.observability.tracing import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from fastapi import FastAPI

    from longwatch.serve.auth.settings import AccessSettings
    from longwatch.serve.config import Settings
    from longwatch.serve.service import Service

log = logging.getLogger(__name__)


def check_tls(settings: AccessSettings) -> None:
    """Say when keys would travel in the clear.

    Raises:
        ConfigError: the certificate or its key cannot be read, or they do not belong together.
    """
    if settings.tls_cert:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.tls_cert, settings.tls_key, password=_no_password
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"the certificate {settings.tls_cert!r} and its key {settings.tls_key!r} cannot be "
                f"used ({reason}); give PEM files that belong together, without a password"
            ) from None
    elif settings.keys and settings.host not in LOOPBACK:
        log.warning(
            "keys travel in the clear to %s; give --tls-cert and --tls-key, unless a proxy before "
            "this does TLS",
            settings.host,
        )


def _no_password() -> str:
    """Keep OpenSSL from asking the terminal."""
    raise ValueError("it has a password")


HEAD_SECONDS = 10.0  # for a request's head, a websocket's among them


class TimedHttpProtocol(H11Protocol):
    """Drops a connection whose request, up to the end of its head, is not here in time."""

    _impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._impatience = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; those of the head of a later request begin a new wait."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._be_patient()
        elif self._impatience is None:
            self._impatience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._be_patient()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None


PING_SECONDS = 20.0
PONG_SECONDS = 60.0  # patient: a phone whose page is busy answers late
GRACE_SECONDS = 5  # for answers over HTTP that are under way at the end
ABORT_SECONDS = 10.0  # until a connection goes whose peer does not read its end
START_SECONDS = 60.0
OTHER_CONNECTIONS = 256  # beside the websockets; who comes beyond them is told 503


class Protocol(WebSocketsSansIOProtocol):
    """Drops a connection that was closed although its peer does not take the last bytes."""

    async def run_asgi(self) -> None:
        """Serve the connection."""
        await super().run_asgi()
        self.loop.call_later(ABORT_SECONDS, self.transport.abort)


class Server(uvicorn.Server):
    """Says when it can be reached, and leaves signals to whoever runs it."""

    def __init__(self, app: FastAPI, settings: Settings, on_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=TimedHttpProtocol,
                ws=Protocol,
                limit_concurrency=settings.max_sessions + OTHER_CONNECTIONS,
                ssl_certfile=settings.tls_cert or None,
                ssl_keyfile=settings.tls_key or None,
                server_header=False,
                ws_max_size=settings.max_message_bytes,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PONG_SECONDS,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                log_config=None,
                access_log=False,
                lifespan="on",
            )
        )
        self._settings = settings
        self._on_ready = on_ready
        self._service: Service = app.state.service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drain: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so; `ConfigError` if somebody else listens since the port was bound."""
        try:
            await super().startup(sockets)
        except OSError as error:
            await self.lifespan.shutdown()
            raise _unavailable(self._settings.host, self._settings.port, error) from None
        if self.started:
            self._loop = asyncio.get_running_loop()
            self._on_ready()

    def end(self) -> None:
        """End in order: let answers under way finish, and begin nothing new. From any thread."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._begin_drain)

    def end_now(self) -> None:
        """End without waiting for anybody."""
        self.should_exit = self.force_exit = True

    def _begin_drain(self) -> None:
        if self._drain is None:
            self._drain = asyncio.create_task(self._drained())

    async def _drained(self) -> None:
        await self._service.drain()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then end in order. To be called on the main thread.

    Raises:
        ConfigError: the port, the certificate or the file of keys cannot be had.
        LongwatchError: the model cannot be loaded, or the folder for streams cannot be used.
            Nothing is left running.
    """
    configure_logs(settings.log_format, settings.log_level)
    check_tls(settings)
    Authenticator(settings)  # keys that cannot be read are said before the model is loaded
    if settings.threads:
        torch.set_num_threads(settings.threads)
    with (
        bind(settings.host, settings.port) as listener,
        open_persistence(settings.data, settings.thumbnail_mb << 20) as kept,
        tracing(settings) as traced,
    ):
        url = url_of(listener, secure=bool(settings.tls_cert))
        log.info("loading the model %s", settings.model)
        model = load_model(settings.model, settings.device, settings.dtype)
        metrics = Metrics(settings.metric_streams)
        engine = Engine(model, settings.engine, metrics, kept, traced)
        engine.start()
        try:
            app = create_app(engine, settings, metrics)
            told = "ready: %s answers at %s and shows its page there"
            server = Server(app, settings, lambda: log.info(told, model.name, url))
            if settings.stop_with_stdin:
                threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
            with _ending(server):
                server.run(sockets=[listener])
        finally:
            engine.close()
    log.info("ended")


@contextmanager
def running(engine: Engine, settings: Settings, metrics: Metrics | None = None) -> Iterator[str]:
    """Serve a started engine from a thread of this process; yields the service's URL.

    The port is `settings.port`, 0 for a free one. The engine goes on afterwards.

    Raises:
        ConfigError: the port cannot be had.
        ServerError: the service did not start.
    """
    ready = threading.Event()
    with bind(settings.host, settings.port) as listener:
        server = Server(create_app(engine, settings, metrics), settings, ready.set)
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([listener])), name="longwatch-server"
        )
        thread.start()
        try:
            if not ready.wait(START_SECONDS):
                raise ServerError(
                    "the service did not start; see the log",
                    code="not_started",
                    kind="server_error",
                )
            yield url_of(listener, secure=bool(settings.tls_cert))
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def tracing(settings: Settings) -> Iterator[Tracer]:
    """Yield what traces as the settings want it; afterwards what waits to be sent is sent.

    Raises:
        ConfigError: there are to be traces, and OpenTelemetry is not installed.
    """
    if not settings.traces:
        yield Tracer()
        return
    try:
        from longwatch.serve.observability.otel import OpenTelemetry
    except ImportError as error:
        raise ConfigError(
            f"traces need a package that is missing ({error.name}); install it with "
            "`pip install 'longwatch[otel]'`, or leave --traces out"
        ) from None
    traced = OpenTelemetry(settings.trace_frames)
    try:
        yield traced
    finally:
        traced.close()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, which does not listen yet.

    Raises:
        ConfigError: the port is in use, or the address is not one of this machine.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise ConfigError(f"the host {host!r} is not known ({error}); try 127.0.0.1") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _unavailable(host, port, error) from None
    return listener


def _unavailable(host: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(
        f"cannot listen on {host}:{port} ({error.strerror}); stop what uses the port, or choose "
        "another one with --port"
    )


def url_of(listener: socket.socket, *, secure: bool = False) -> str:
    """Return the URL that a bound socket will be reached at."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _watch_stdin(server: Server) -> None:
    """End the server in order once nobody is left who could write to it."""
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True


@contextmanager
def _ending(server: Server) -> Iterator[None]:
    """Let the first signal end the server in order, and a second one at once."""
    signals = 0

    def on_signal(_: int, __: FrameType | None) -> None:
        nonlocal signals
        signals += 1
        server.end() if signals == 1 else server.end_now()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
