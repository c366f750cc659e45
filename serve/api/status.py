"""How the service itself is doing: for `/readyz`, `/v1/status` and Prometheus alike."""

from __future__ import annotations

import time
from collections import Counter as Sums
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from longwatch import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from longwatch.serve.engine.engine import Engine
    from longwatch.serve.publishing.feeds import Feed, FeedRegistry
    from longwatch.serve.realtime.session import SessionRegistry
    from longwatch.serve.service import Draining, Service


class Readiness:
    """Looks when it is asked; from any thread.

    The model was loaded and has passed its self-test before anything listens, so that a service
    that answers at all has one.
    """

    def __init__(self, engine: Engine, draining: Draining, stuck_seconds: float) -> None:
        self._engine = engine
        self._draining = draining
        self._stuck = stuck_seconds

    def reasons(self) -> list[str]:
        """Return what is wrong; nothing where the service is ready.

        `draining`: it is about to end. `model_stopped`: the model's thread does not run.
        `model_stuck`: one step of it has taken longer than `stuck_seconds`. `disk_full`,
        `disk_read_only`, `disk_error`: what is read is not kept for now.
        """
        wrong = ["draining"] if self._draining.active else []
        if not self._engine.alive:
            wrong.append("model_stopped")
        elif self._engine.utilization.step_seconds > self._stuck:
            wrong.append("model_stuck")
        disk = self._engine.disk_error
        return [*wrong, disk] if disk else wrong


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


class StatusCollector(Collector):
    """Looks at the service when it is asked, and keeps nothing but when it began."""

    def __init__(self, service: Service, sessions: SessionRegistry) -> None:
        self._service = service
        self._sessions = sessions
        self._began = time.monotonic()
        self.readiness = Readiness(service.engine, service.draining, service.settings.stuck_seconds)

    def json(self) -> dict[str, Any]:
        """Return it as `/v1/status` tells it; sums are over all streams and keys."""
        service = self._service
        engine, settings = service.engine, service.settings
        questions = [stream.questions() for stream in engine.streams()]
        shares = engine.utilization.fractions()
        return {
            "object": "status",
            "version": __version__,
            "model": engine.model.name,
            "device": str(engine.model.decoder.device),
            "uptime_s": round(time.monotonic() - self._began, 3),
            "not_ready": self.readiness.reasons(),
            "model_share": {work: round(share, 4) for work, share in shares.items()},
            "step_s": round(engine.utilization.step_seconds, 3),
            "streams": {"open": len(questions), "most": settings.max_streams},
            "sessions": {
                "open": service.sessions,
                "waiting": self._sessions.detached,
                "most": settings.max_sessions,
            },
            "questions": {
                "running": sum(each.running for each in questions),
                "waiting": sum(each.waiting for each in questions),
                "most": settings.max_questions,
            },
            "sealed": self._sealed(),
            "send_queue_bytes": self._send_queue_bytes(),
        }

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not look at the service."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the families of the service itself."""
        utilization = self._service.engine.utilization
        yield GaugeMetricFamily(
            "longwatch_ready", "1 where /readyz says yes.", float(not self.readiness.reasons())
        )
        yield GaugeMetricFamily(
            "longwatch_step_running_seconds",
            "That the model's step has taken.",
            utilization.step_seconds,
        )
        spent = CounterMetricFamily(
            "longwatch_model_seconds", "That the model's thread worked, by work.", labels=["work"]
        )
        for work, seconds in utilization.totals().items():
            spent.add_metric([work], seconds)
        yield spent
        sealed = GaugeMetricFamily(
            "longwatch_sealed_bytes", "Of sealed blocks of all streams.", labels=["tier"]
        )
        quota = GaugeMetricFamily(
            "longwatch_sealed_quota_bytes", "That they may have; none: no limit.", labels=["tier"]
        )
        for tier, told in self._sealed().items():
            sealed.add_metric([tier], told["bytes"] or 0)
            if told["most"] is not None:
                quota.add_metric([tier], told["most"])
        yield sealed
        yield quota
        yield GaugeMetricFamily(
            "longwatch_ws_send_queue_bytes",
            "That wait for clients, over all websockets.",
            self._send_queue_bytes(),
        )

    def _sealed(self) -> dict[str, dict[str, int | None]]:
        """Return the bytes of sealed blocks, and the most that they may have; None: no limit."""
        quota = self._service.engine.quota
        used, settings = quota.used, quota.settings
        return {
            "host": {"bytes": used.host, "most": settings.host_bytes},
            "disk": {"bytes": used.disk, "most": settings.disk_bytes},
        }

    def _send_queue_bytes(self) -> int:
        return sum(session.outbox.bytes for session in self._sessions.all())


class StreamCollector(Collector):
    """Looks at the streams when it is asked, so that nothing is counted twice."""

    def __init__(self, feeds: FeedRegistry, labelled: int) -> None:
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
            if feed.stream.disk is not None:
                tiers["disk",] += feed.stream.disk.stats().nbytes
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
