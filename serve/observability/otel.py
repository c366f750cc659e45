"""Traces by OpenTelemetry, sent over OTLP (HTTP). Imported only where there are to be any.

What is not said here, the SDK takes from its own variables: where to send and with which headers
(`OTEL_EXPORTER_OTLP_*`), under which name (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`), which
traces (`OTEL_TRACES_SAMPLER`), in which portions (`OTEL_BSP_*`).
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from longwatch import __version__
from longwatch.serve.observability.context import current_context
from longwatch.serve.observability.tracing import NO_TRACE, Trace, Tracer, caller

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span
    from opentelemetry.trace import Tracer as OtelTracer

    from longwatch.types import Frame

CONVENTIONS = {  # the names that others have for some of ours
    "model": "gen_ai.request.model",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
}


class OpenTelemetry(Tracer):
    """Traces every question, and a share of the frames, each as a trace of its own.

    A question belongs to its caller's trace, if it named one. The sampler decides which of all
    these are kept. The global provider, and what others trace in this process, are left alone.
    """

    def __init__(self, frames: float, exporter: SpanExporter | None = None) -> None:
        """`frames` is the share of frames, 0 to 1; `exporter` stands in for OTLP."""
        known = OTELResourceDetector().detect().attributes
        us = {"service.name": "longwatch", "service.version": __version__}
        self._provider = TracerProvider(
            resource=Resource.create({**us, **known}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("longwatch", __version__)
        self._frames = frames
        self._propagator = TraceContextTextMapPropagator()

    def flush(self) -> None:
        """Send what waits, now."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send what waits, and trace no more; a collector that does not answer is given up."""
        self._provider.shutdown()

    def frame(self, stream: str, frame: Frame) -> Trace:  # noqa: D102
        if random.random() >= self._frames:
            return NO_TRACE
        figures: dict[str, str | float] = {
            "stream": stream,
            "pts_us": round(frame.time * 1e6),
            "frame": frame.index,
        }
        root = _Root("frame", SpanKind.INTERNAL, Context(), frame.arrived or None)
        trace = self._begin(root, figures)
        if frame.arrived and frame.decoded:
            trace.begin_stage("decode", frame.arrived)
            trace.begin_stage("wait", frame.decoded)
        return trace

    def question(self, model: str) -> Trace:  # noqa: D102
        parent = self._propagator.extract(caller(), Context())
        trace = self._begin(
            _Root("question", SpanKind.SERVER, parent), {"model": model, **current_context()}
        )
        trace.begin_stage("queue")
        return trace

    def _begin(self, root: _Root, figures: Mapping[str, str | float]) -> Trace:
        trace = _Traced(self._tracer, root, figures)
        return trace if trace.kept else NO_TRACE


class _Root:
    """How a way begins."""

    def __init__(
        self, name: str, kind: SpanKind, parent: Context, since: float | None = None
    ) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        self.since = since  # on the monotonic clock; None: now


class _Traced(Trace):
    """A way as a span, and its stages as the children of that span.

    All times are of the monotonic clock, moved by what the clock on the wall showed at the begin.
    """

    def __init__(self, tracer: OtelTracer, root: _Root, figures: Mapping[str, str | float]) -> None:
        self._moved = time.time_ns() - time.monotonic_ns()
        self._tracer = tracer
        began = self._at(root.since)
        self._next: int | None = began  # when the first stage began
        self._span = tracer.start_span(
            root.name,
            context=root.parent,
            kind=root.kind,
            attributes=_named(figures),
            start_time=began,
        )
        self._within = set_span_in_context(self._span, Context())
        self._stage: Span | None = None
        self._ended = False
        self.trace = format_trace_id(self._span.get_span_context().trace_id)

    @property
    def kept(self) -> bool:
        """Whether the sampler wants it."""
        return self._span.is_recording()

    def begin_stage(self, stage: str, since: float | None = None) -> None:
        at = self._next or self._at(since)
        self._next = None
        self._leave(at)
        self._stage = self._tracer.start_span(stage, context=self._within, start_time=at)

    def set_attributes(self, **figures: str | float) -> None:
        if self._stage is not None:
            self._stage.set_attributes(_named(figures))

    def add_event(self, event: str) -> None:
        self._span.add_event(event, timestamp=self._at(None))

    def end(self, outcome: str, error: str | None = None, **figures: str | float) -> None:
        if self._ended:
            return
        self._ended = True
        at = self._at(None)
        self._leave(at)
        self._span.set_attributes(_named({"outcome": outcome, **figures}))
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))  # a code; a sentence may quote people
        self._span.end(at)

    def _leave(self, at: int) -> None:
        if self._stage is not None:
            self._stage.end(at)
            self._stage = None

    def _at(self, since: float | None) -> int:
        """Return a moment of the monotonic clock, or now, in nanoseconds since 1970."""
        now = time.monotonic_ns() if since is None else round(since * 1e9)
        return self._moved + now


def _named(figures: Mapping[str, str | float]) -> dict[str, str | float]:
    return {CONVENTIONS.get(name, f"longwatch.{name}"): value for name, value in figures.items()}
