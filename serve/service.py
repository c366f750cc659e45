"""What all connections of one service share, and its announced end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from longwatch.errors import ClosedError, LimitError, NotFoundError
from longwatch.serve.answers.types import Done
from longwatch.serve.auth.authenticator import Authenticator
from longwatch.serve.auth.principal import current
from longwatch.serve.publishing.feeds import FeedRegistry
from longwatch.serve.publishing.sources import SourceManager
from longwatch.serve.watches.runner import WatchRunner
from longwatch.serve.watches.scheduler import CheckSettings
from longwatch.serve.watches.store import WatchStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from longwatch.serve.answers.answer import Answer
    from longwatch.serve.answers.types import AnswerEvent, Question
    from longwatch.serve.auth.limits import RateLimiter
    from longwatch.serve.config import Settings
    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.observability.metrics import Metrics


class Draining:
    """Whether the service is about to end, and when."""

    def __init__(self) -> None:
        self._until: float | None = None  # on the monotonic clock

    @property
    def active(self) -> bool:
        """Whether the service is about to end."""
        return self._until is not None

    @property
    def seconds_left(self) -> float:
        """Seconds until it ends at the latest; 0 where that is over, or was never said."""
        return 0.0 if self._until is None else max(0.0, self._until - time.monotonic())

    def begin(self, seconds: float) -> None:
        """Announce the end within `seconds`; the first announcement counts."""
        if self._until is None:
            self._until = time.monotonic() + seconds

    def check(self) -> None:
        """Raise `ClosedError` (`closing`) once the end was announced."""
        if self.active:
            raise ClosedError(
                "the service is about to end; try again in a moment, when it is back",
                code="closing",
            )


DRAIN_STEP = 0.05  # seconds between two looks at the answers under way
FLUSH_SECONDS = 2.0  # for clients to take the ends of their answers


class Clients(Protocol):
    """The sessions of all clients."""

    def announce(self, time_left_ms: int) -> None:
        """Tell every client that the service ends within `time_left_ms`."""

    async def flush(self, seconds: float) -> None:
        """Wait until all that waits for clients was sent, for at most `seconds`."""


class Service:
    """The engine, its streams' publishers, the settings and the metrics."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        metrics: Metrics,
        clients: Clients | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = metrics
        self.authenticator = Authenticator(settings)
        self.feeds = FeedRegistry(engine, settings.media)
        self.sources = SourceManager(self.feeds, settings, metrics)
        self.sessions = 0
        self._clients = clients
        self.draining = Draining()
        self._under_way: set[object] = set()  # one of each answer
        self.watches = _watching(engine, settings, metrics)

    def check_model(self, name: str | None) -> None:
        """Raise `NotFoundError` (`model_not_found`) if another model than ours is asked for."""
        known = self.engine.model.name
        if name and name != known:
            raise NotFoundError(
                f"there is no model {name[:80]!r} here; use {known!r}",
                code="model_not_found",
                param="model",
            )

    def ask(
        self,
        stream: str,
        question: Question,
        listener: Callable[[AnswerEvent], None],
        allowance: RateLimiter | None = None,
    ) -> Answer:
        """Put a question on behalf of `current()`, which counts for its key, or its session too.

        Raises:
            ClosedError: the service ends (`closing`).
            LimitError: the key has too many answers under way (`overloaded`), or too many
                questions came (`rate_limited`).
            LongwatchError: see `Engine.ask`.
        """
        self.draining.check()
        usage = self.authenticator.usage(current())
        (allowance or usage.allowance).take("questions")
        usage.begin_answer()
        answer = object()

        def count(event: AnswerEvent) -> None:
            if isinstance(event, Done):
                usage.end_answer()
            listener(event)
            if isinstance(event, Done):
                self._under_way.discard(answer)

        self._under_way.add(answer)
        try:
            return self.engine.ask(stream, question, count)
        except BaseException:
            usage.end_answer()
            self._under_way.discard(answer)
            raise

    async def drain(self) -> None:
        """Begin nothing new; return once no answer is under way, or after `drain_seconds`."""
        self.draining.begin(self.settings.drain_seconds)
        if self._clients is not None:
            self._clients.announce(round(self.draining.seconds_left * 1000))
        while self._under_way and self.draining.seconds_left:  # noqa: ASYNC110 - threads end them
            await asyncio.sleep(DRAIN_STEP)
        if self._clients is not None:
            await self._clients.flush(FLUSH_SECONDS)

    def enter(self) -> None:
        """Count a websocket connection in, or raise `LimitError` (`too_many_sessions`)."""
        self.draining.check()
        if self.sessions >= self.settings.max_sessions:
            raise LimitError(
                f"{self.sessions} sessions are open, which is the limit; try again later or raise "
                "max_sessions",
                code="too_many_sessions",
            )
        self.sessions += 1
        self.metrics.connections.inc()

    def leave(self, code: int) -> None:
        """Count a connection out that ended with the close code `code`."""
        self.sessions -= 1
        self.metrics.connections.dec()
        self.metrics.closed.labels(str(code)).inc()


def _watching(engine: Engine, settings: Settings, metrics: Metrics) -> WatchRunner:
    """Return the service's watches, kept in the folder of the streams that are kept."""
    store = WatchStore(Path(settings.data).expanduser()) if settings.data else None
    checks = CheckSettings(checks=settings.watch_checks)
    return WatchRunner(engine, checks, metrics, store, local=settings.webhook_local)
