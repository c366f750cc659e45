"""What Prometheus reads."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from longwatch.serve.observability.observer import EngineObserver

FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)  # seconds
SLOW = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


class Metrics(EngineObserver):
    """Counts what the engine tells, in a registry of its own; any thread may call it."""

    def __init__(self, labelled_streams: int = 64) -> None:
        self.registry = CollectorRegistry()
        self.labelled_streams = labelled_streams
        """How many streams have a label of their own."""
        self.connections = self._gauge("ws_connections", "Open websocket connections.")
        self.detached = self._gauge("sessions_detached", "Sessions that wait for their clients.")
        self.closed = Counter(
            "longwatch_ws_closed",
            "Websocket connections that ended, by close code.",
            ["code"],
            registry=self.registry,
        )
        self.errors = Counter(
            "longwatch_errors",
            "Errors told to clients and frames that failed, by code.",
            ["code"],
            registry=self.registry,
        )
        self.reconnects = Counter(
            "longwatch_source_reconnects",
            "Connections to pulled sources that were lost or never came about, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self._running = self._gauge("requests_running", "Questions under way.")
        self._requests = Counter(
            "longwatch_requests", "Questions that ended.", ["status"], registry=self.registry
        )
        self._lag = self._histogram("frame_lag", "From a frame's arrival to its commit.", SLOW)
        self._encode = self._histogram("encode", "A frame in the vision tower.", FAST)
        self._first = self._histogram("time_to_first_token", "From question to first token.", SLOW)
        self._next = self._histogram("inter_token_latency", "From one token to the next.", FAST)
        self._whole = self._histogram("request_e2e", "From question to the answer's end.", SLOW)

        self.watch_fired = Counter(
            "longwatch_watch_fired", "Firings of watches.", registry=self.registry
        )
        self.watch_checks = Counter(
            "longwatch_watch_checks",
            "Looks of watches at frames, by outcome: asked the model, or unchanged.",
            ["outcome"],
            registry=self.registry,
        )
        self.watch_check = self._histogram("watch_check", "A watch's question to the model.", FAST)
        self.webhooks = Counter(
            "longwatch_webhooks", "Webhook posts, by outcome.", ["outcome"], registry=self.registry
        )

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def frame_read(self, stream: str, lag: float, encode: float) -> None:  # noqa: D102
        self._lag.observe(lag)
        self._encode.observe(encode)

    def frame_failed(self, stream: str, code: str) -> None:  # noqa: D102
        self.errors.labels(code).inc()

    def answer_started(self) -> None:  # noqa: D102
        self._running.inc()

    def first_token(self, seconds: float) -> None:  # noqa: D102
        self._first.observe(seconds)

    def next_token(self, seconds: float) -> None:  # noqa: D102
        self._next.observe(seconds)

    def answer_done(self, status: str, seconds: float) -> None:  # noqa: D102
        self._running.dec()
        self._requests.labels(status).inc()
        self._whole.observe(seconds)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"longwatch_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"longwatch_{name}_seconds", text, buckets=buckets, registry=self.registry)
