"""What all connections of one service share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.errors import LimitError, NotFoundError
from longwatch.serve.feeds import Feeds

if TYPE_CHECKING:
    from longwatch.serve.config import Settings
    from longwatch.serve.engine import Engine
    from longwatch.serve.metrics import Metrics


class Service:
    """The engine, its streams' publishers, the settings and the metrics."""

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = metrics
        self.feeds = Feeds(engine, settings.media)
        self.sessions = 0
        metrics.watch(self.feeds)

    def check_model(self, name: str | None) -> None:
        """Raise `NotFoundError` (`model_not_found`) if another model than ours is asked for."""
        known = self.engine.model.name
        if name and name != known:
            raise NotFoundError(
                f"there is no model {name[:80]!r} here; use {known!r}",
                code="model_not_found",
                param="model",
            )

    def enter(self) -> None:
        """Count a websocket connection in, or raise `LimitError` (`too_many_sessions`)."""
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
