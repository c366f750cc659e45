"""Traces of frames and questions, by OpenTelemetry's own SDK and a live service."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from longwatch.errors import InputError
from longwatch.serve.auth.keys import KeyFile, split
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.otel import OpenTelemetry
from longwatch.serve.observability.tracing import NO_TRACE, called_by
from longwatch.serve.server import tracing
from tests.support import peer as p
from tests.support import tiny
from tests.support.service import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from longwatch.types import Frame, VisualTokens

QUESTION = "who came through the door?"
TRACE, CALL = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{CALL}-01"}
Tree = tuple["ReadableSpan", list["ReadableSpan"]]


class Spans:
    """What was traced so far."""

    def __init__(self, frames: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = OpenTelemetry(frames, self._exporter)

    def all(self) -> Sequence[ReadableSpan]:
        self.tracing.flush()
        return self._exporter.get_finished_spans()

    def trees(self, name: str) -> list[Tree]:
        """Return the ways called `name`, each with its stages in order."""
        found = self.all()
        return [
            (root, sorted((s for s in found if _below(s, root)), key=lambda s: s.start_time or 0))
            for root in found
            if root.name == name
        ]


@pytest.fixture
def spans() -> Iterator[Spans]:
    made = Spans()
    yield made
    made.tracing.close()


def _below(span: ReadableSpan, root: ReadableSpan) -> bool:
    context = root.get_span_context()
    return span.parent is not None and context is not None and span.parent == context


def _is_gapless(tree: Tree) -> bool:
    root, stages = tree
    starts = [span.start_time for span in stages]
    ends = [span.end_time for span in stages]
    return starts[1:] == ends[:-1] and (starts[0], ends[-1]) == (root.start_time, root.end_time)


def _trace(span: ReadableSpan) -> str:
    context = span.get_span_context()
    return "" if context is None else format_trace_id(context.trace_id)


async def test_the_ways_of_frames_and_of_a_question_are_trees_without_a_word_of_theirs(
    spans: Spans, tmp_path: Path, name: str
) -> None:
    file = KeyFile(tmp_path / "keys.json")
    _, token = file.add("one", ["ask", "publish", "manage"])
    headers = {"Authorization": f"Bearer {token}", **PARENT}
    with serve(tiny.TinyVideoLM(), tracing=spans.tracing, keys=str(file.path)) as live:
        async with p.connect(live.url, additional_headers=headers) as peer:
            await peer.feed(name)
            answer = await peer.ask(QUESTION, 8, lw={"streams": [name]})
        session, resume = peer.session["id"], peer.session["lw"]["resume"]["token"]
    done = answer[-1]["response"]

    (tree,) = spans.trees("question")
    root, stages = tree
    names = [span.name for span in stages]
    assert (names[0], names[-1]) == ("queue", "decode")
    middle = names[1:-1]
    assert middle == ["recall", "prefill"] * (len(middle) // 2)
    assert middle
    assert _is_gapless(tree)
    assert root.kind is SpanKind.SERVER
    assert root.parent is not None
    assert (_trace(root), format_span_id(root.parent.span_id)) == (TRACE, CALL)
    assert [event.name for event in root.events] == ["first token"]
    told = dict(root.attributes or {})
    assert told["longwatch.session"] == session
    assert told["longwatch.stream"] == name
    assert told["longwatch.answer"] == done["id"]
    assert told["longwatch.outcome"] == done["status"]
    assert told["gen_ai.usage.output_tokens"] == done["usage"]["output_tokens"] == 8
    assert told["longwatch.frames_recalled"] == 0
    assert told["longwatch.ttft_ms"] == pytest.approx(done["lw"]["timing"]["ttft_ms"], abs=0.01)

    frames = spans.trees("frame")
    assert len(frames) == 3
    way = ["decode", "wait", "gate", "encode", "compress", "read", "commit"]
    assert [[s.name for s in stages if s.name != "open"] for _, stages in frames] == [way] * 3
    assert all(map(_is_gapless, frames))
    assert [(root.attributes or {})["longwatch.outcome"] for root, _ in frames] == ["used"] * 3
    assert len({_trace(root) for root, _ in frames} | {TRACE}) == 4

    said = "".join(span.to_json() for span in spans.all())
    for secret in (QUESTION, p.text_of(answer), token, split(token)[1], resume):
        assert secret not in said


async def test_a_request_over_http_belongs_to_its_callers_trace(spans: Spans, name: str) -> None:
    with serve(tiny.TinyVideoLM(), tracing=spans.tracing) as live:
        tiny.feed(live.engine.open_stream(name), [tiny.frame(0)])
        body = {
            "model": "tiny",
            "messages": [{"role": "user", "content": QUESTION}],
            "max_tokens": 2,
        }
        async with httpx.AsyncClient(base_url=live.url, headers=PARENT) as client:
            reply = await client.post("/v1/chat/completions", json=body, timeout=p.DEADLINE)
    ((root, _),) = spans.trees("question")
    assert _trace(root) == TRACE
    assert (root.attributes or {})["longwatch.answer"] == reply.json()["id"]


@contextmanager
def engine(spans: Spans, model: tiny.TinyVideoLM | None = None) -> Iterator[Engine]:
    made = Engine(model or tiny.TinyVideoLM(), tracer=spans.tracing)
    made.start()
    try:
        yield made
    finally:
        made.close()


def test_a_caller_that_is_not_traced_is_not_traced_here(spans: Spans) -> None:
    with engine(spans) as made:
        tiny.feed(made.open_stream("a"), [tiny.frame(0)])
        with called_by({"traceparent": f"00-{TRACE}-{CALL}-00"}):
            tiny.ask(made, "a")
    assert spans.trees("question") == []


def test_a_question_that_is_refused_says_why_and_not_what_it_was(spans: Spans) -> None:
    with engine(spans) as made:
        tiny.feed(made.open_stream("a"), [tiny.frame(0)])
        with pytest.raises(InputError):
            tiny.ask(made, "a", tiny.question(tokens=10**9))
    ((root, stages),) = spans.trees("question")
    assert [span.name for span in stages] == ["queue"]
    assert root.status.status_code is StatusCode.ERROR
    assert (root.attributes or {})["error.type"] == "invalid_value"


class Blind(tiny.TinyVideoLM):
    """A model whose tower fails."""

    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:
        raise RuntimeError("the tower fell over")


def test_a_frame_that_fails_ends_where_it_failed(spans: Spans) -> None:
    with engine(spans, Blind()) as made:
        stream = made.open_stream("a")
        stream.offer(tiny.frame(0))
        tiny.wait_for(lambda: stream.stats().frames_failed == 1)
    ((root, stages),) = spans.trees("frame")
    assert stages[-1].name == "encode"
    assert root.status.status_code is StatusCode.ERROR
    assert "the tower fell over" not in root.to_json()


def test_of_frames_the_share_is_traced_that_was_asked_for() -> None:
    none = Spans(0.0).tracing
    some = Spans(0.5).tracing
    assert {none.frame("a", tiny.frame(i)) for i in range(100)} == {NO_TRACE}
    kept = sum(some.frame("a", tiny.frame(i)) is not NO_TRACE for i in range(1000))
    assert 400 < kept < 600  # beyond six standard deviations
    none.close()
    some.close()


def test_traces_go_to_the_collector_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came: list[tuple[str, Any]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "lobby")
        with tracing(Settings(traces=True)) as traced:
            traced.question("tiny").end("completed")
        server.shutdown()
        thread.join()
    ((path, request),) = came
    (resource,) = request.resource_spans
    known = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert path == "/v1/traces"
    assert known["service.name"] == "lobby"
    assert {span.name for span in resource.scope_spans[0].spans} == {"question", "queue"}
