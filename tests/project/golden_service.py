"""One service with the bundled model, over a copy of a recorded data folder."""

from __future__ import annotations

import json
import os
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from longwatch.models.loader import load_model
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.persistence import StreamPersistence, open_persistence
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.observability.otel import OpenTelemetry
from longwatch.serve.server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

KEYS = "keys.json"  # in the data folder
TRIES_AGAIN = 600.0  # seconds between two attempts to reach a source: nothing answers there


class Service(NamedTuple):
    """A service that can be reached."""

    url: str
    token: str  # a key with every scope
    data: Path
    spans: Callable[[], Sequence[ReadableSpan]]  # all traces that ended so far

    def get(self, path: str) -> bytes:
        """Return the body of a reply."""
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            body: bytes = reply.read()
            return body

    def json(self, path: str) -> Any:
        """Return the document of a reply."""
        return json.loads(self.get(path))


@contextmanager
def plain_environment() -> Iterator[None]:
    """Keep what the developer's shell sets out of it."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("LONGWATCH_")}
    with patch.dict(os.environ, plain, clear=True):
        yield


@contextmanager
def serving(
    data: Path,
    token: str,
    kept: Callable[[Settings], AbstractContextManager[StreamPersistence]] | None = None,
) -> Iterator[Service]:
    """Serve the streams in `data` with the bundled model, every frame and question traced."""
    with plain_environment():
        settings = Settings(
            port=0,
            data=str(data),
            keys=str(data / KEYS),
            stats_seconds=0.05,
            webhook_local=True,
            key_questions=100_000.0,  # so that events tell of the limit
            pull_retry=TRIES_AGAIN,
            pull_retry_most=TRIES_AGAIN,
        )
    exporter = InMemorySpanExporter()
    traced, metrics = OpenTelemetry(1.0, exporter), Metrics(settings.metric_streams)

    def spans() -> Sequence[ReadableSpan]:
        traced.flush()
        return exporter.get_finished_spans()

    opened = kept or _persistence
    with opened(settings) as streams:
        engine = Engine(load_model(settings.model), settings.engine, metrics, streams, traced)
        engine.start()
        try:
            with running(engine, settings, metrics) as url:
                yield Service(url, token, data, spans)
        finally:
            engine.close()
            traced.close()


def _persistence(settings: Settings) -> AbstractContextManager[StreamPersistence]:
    return open_persistence(settings.data, settings.thumbnail_mb << 20)
