"""How the service itself is doing: for `/readyz`, `/v1/status` and Prometheus alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from longwatch import __version__
from longwatch.serve.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from longwatch.serve.service import Service


class Vitals(Collector):
    """Looks at the service when it is asked, and keeps nothing but when it began."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._began = time.monotonic()
        self.readiness = Readiness(service.engine, service.draining, service.settings.stuck_seconds)

    def json(self) -> dict[str, Any]:
        """Return it as `/v1/status` tells it; sums are over all streams and keys."""
        service = self._service
        engine, settings = service.engine, service.settings
        questions = [stream.questions() for stream in engine.streams()]
        shares = engine.pulse.shares()
        return {
            "object": "status",
            "version": __version__,
            "model": engine.model.name,
            "device": str(engine.model.decoder.device),
            "uptime_s": round(time.monotonic() - self._began, 3),
            "not_ready": self.readiness.reasons(),
            "model_share": {work: round(share, 4) for work, share in shares.items()},
            "step_s": round(engine.pulse.running, 3),
            "streams": {"open": len(questions), "most": settings.max_streams},
            "sessions": {
                "open": service.sessions,
                "waiting": service.desk.detached,
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
        pulse = self._service.engine.pulse
        yield GaugeMetricFamily(
            "longwatch_ready", "1 where /readyz says yes.", float(not self.readiness.reasons())
        )
        yield GaugeMetricFamily(
            "longwatch_step_running_seconds", "That the model's step has taken.", pulse.running
        )
        spent = CounterMetricFamily(
            "longwatch_model_seconds", "That the model's thread worked, by work.", labels=["work"]
        )
        for work, seconds in pulse.totals().items():
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
        return sum(session.outbox.bytes for session in self._service.desk.all())
