"""What Prometheus reads."""

from __future__ import annotations

from collections import Counter as Sums
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from longwatch.serve.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from longwatch.serve.feed import Feed
    from longwatch.serve.feeds import Feeds

FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)  # seconds
SLOW = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
OUTCOMES = {  # of frames: ours -> the label
    "busy": "dropped_busy",
    "rate": "dropped_rate",
    "late": "dropped_late",
    "size": "dropped_size",
    "decode": "undecodable",
    "gate": "gated",
    "budget": "dropped_budget",
}
Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)
OTHER = "_other"  # the label of all streams beyond the cap; no stream can have this name


class Metrics(Observer):
    """Counts what the engine tells, in a registry of its own; any thread may call it."""

    def __init__(self, labelled_streams: int = 64) -> None:
        self.registry = CollectorRegistry()
        self._labelled = labelled_streams
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

    def watch(self, feeds: Feeds) -> None:
        """Report on all streams, at each scrape."""
        self.registry.register(_Streams(feeds, self._labelled))

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


class _Streams(Collector):
    """Looks at the streams when it is asked, so that nothing is counted twice."""

    def __init__(self, feeds: Feeds, labelled: int) -> None:
        self._feeds = feeds
        self._labelled = labelled

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not look at the streams."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the families of all streams; those beyond the cap are summed up in one label."""
        feeds = self._feeds.all()
        states = GaugeMetricFamily("longwatch_streams", "Streams, by state.", labels=["state"])
        for state, count in sorted(Sums(feed.state for feed in feeds).items()):
            states.add_metric([state], count)
        frames: Sums[tuple[str, ...]] = Sums()
        tokens: Sums[str] = Sums()
        tiers: Sums[tuple[str, ...]] = Sums(
            dict.fromkeys([("device",), ("archive",), ("away",), ("disk",)], 0)
        )
        rungs: Sums[tuple[str, ...]] = Sums()
        questions: Sums[tuple[str, ...]] = Sums()
        for place, feed in enumerate(feeds):
            name = feed.name if place < self._labelled else OTHER
            stats = feed.stream.stats()
            tokens[name] += stats.memory.tokens_stored
            questions[name, "running"] += stats.questions.running
            questions[name, "waiting"] += stats.questions.waiting
            tiers["device",] += stats.memory.device_bytes
            tiers["archive",] += stats.memory.archive_bytes
            tiers["away",] += stats.memory.away_bytes
            if feed.stream.kept is not None:
                tiers["disk",] += feed.stream.kept.stats().nbytes
            for rung, (_, size) in enumerate(stats.memory.rungs):
                rungs[str(rung),] += size
            for outcome, count in _outcomes(feed, stats.frames_read):
                frames[name, outcome] += count
        yield states
        yield _fill(
            CounterMetricFamily("longwatch_frames", "By outcome.", labels=["stream", "outcome"]),
            frames,
        )
        yield _fill(
            GaugeMetricFamily(
                "longwatch_memory_tokens", "At hand in a stream's memory.", labels=["stream"]
            ),
            {(name,): count for name, count in tokens.items()},
        )
        yield _fill(
            GaugeMetricFamily(
                "longwatch_questions", "Under way, by stream.", labels=["stream", "state"]
            ),
            questions,
        )
        yield GaugeMetricFamily(
            "longwatch_requests_waiting",
            "Questions whose answer has not begun.",
            sum(count for (_, state), count in questions.items() if state == "waiting"),
        )
        yield _fill(
            GaugeMetricFamily("longwatch_memory_bytes", "Held in memories.", labels=["tier"]),
            tiers,
        )
        yield _fill(
            GaugeMetricFamily(
                "longwatch_memory_rung_bytes", "Of blocks, by rung of the ladder.", labels=["rung"]
            ),
            rungs,
        )


def _fill(family: Family, values: Mapping[tuple[str, ...], int]) -> Family:
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _outcomes(feed: Feed, used: int) -> Iterator[tuple[str, int]]:
    yield "used", used
    for reason, count in feed.dropped().items():
        yield OUTCOMES[reason], count
