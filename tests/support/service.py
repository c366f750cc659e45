"""Two services on real sockets: one with a tiny model that talks long, one with the bundled one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest

from longwatch.models.loader import load_model
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.observability.tracing import Tracer
from longwatch.serve.server import running
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.models.base import VideoLM


class Live(NamedTuple):
    """A service that can be reached."""

    url: str
    engine: Engine
    settings: Settings


@contextmanager
def serve(model: VideoLM, **changes: object) -> Iterator[Live]:
    """Serve `model` on a free port; `changes` are settings, and `tracing` who traces."""
    tracer = changes.pop("tracing", None)
    given: dict[str, object] = {
        "port": 0,
        "stats_seconds": 0.05,
        "max_streams": 500,
        "metric_streams": 500,
    }
    settings = Settings(**{**given, **changes})  # type: ignore[arg-type]
    metrics = Metrics(settings.metric_streams)
    traced = tracer if isinstance(tracer, Tracer) else None
    engine = Engine(model, settings.engine, metrics, tracer=traced)
    engine.start()
    try:
        with running(engine, settings, metrics) as url:
            yield Live(url, engine, settings)
    finally:
        engine.close()


@pytest.fixture(scope="session")
def tiny() -> Iterator[Live]:
    """Serve a model whose answers go on until their limit of tokens."""
    with serve(TinyVideoLM()) as live:
        yield live


@pytest.fixture(scope="session")
def bundled() -> Iterator[Live]:
    """Serve the bundled model."""
    with serve(load_model("bundled")) as live:
        yield live


@pytest.fixture
def name() -> str:
    """Return a stream's name that no other test uses."""
    return f"cam-{uuid4().hex[:12]}"
