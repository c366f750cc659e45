"""What Prometheus reads, by Prometheus' own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from longwatch.serve.api.status import OTHER, StreamCollector
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.publishing.feeds import FeedRegistry
from longwatch.stream.limits import MediaLimits
from tests.support import peer as p
from tests.support import tiny as t

if TYPE_CHECKING:
    from tests.support.service import Live

Samples = dict[tuple[str, tuple[str, ...]], float]
NAMES = {
    "longwatch_streams",
    "longwatch_frames",
    "longwatch_frame_lag_seconds",
    "longwatch_memory_tokens",
    "longwatch_memory_bytes",
    "longwatch_memory_rung_bytes",
    "longwatch_requests_running",
    "longwatch_requests_waiting",
    "longwatch_questions",
    "longwatch_requests",
    "longwatch_time_to_first_token_seconds",
    "longwatch_inter_token_latency_seconds",
    "longwatch_request_e2e_seconds",
    "longwatch_encode_seconds",
    "longwatch_ws_connections",
    "longwatch_ws_closed",
    "longwatch_errors",
}


def read(text: str) -> Samples:
    """Return all samples by name and label values, in the labels' order."""
    return {
        (sample.name, tuple(v for _, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(live: Live) -> Samples:
    async with httpx.AsyncClient(base_url=live.url) as http:
        reply = await http.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    return read(reply.text)


async def test_everything_that_happens_is_counted_once(tiny: Live, name: str) -> None:
    before = await scrape(tiny)
    async with p.connect(tiny.url) as peer:
        await peer.feed(name, 3)
        await peer.ask(tokens=4)
        await peer.error({"type": "lw.nothing"})
        after = await scrape(tiny)

    def grown(sample: str, *labels: str) -> Any:
        return after[sample, labels] - before.get((sample, labels), 0)

    assert after["longwatch_frames_total", ("used", name)] == 3
    assert after["longwatch_memory_tokens", (name,)] > 0
    assert grown("longwatch_frame_lag_seconds_count") == 3
    assert grown("longwatch_encode_seconds_count") == 3
    assert grown("longwatch_time_to_first_token_seconds_count") == 1
    assert grown("longwatch_inter_token_latency_seconds_count") == 3
    assert grown("longwatch_requests_total", "incomplete") == 1
    assert grown("longwatch_errors_total", "unknown_event") == 1
    assert grown("longwatch_ws_connections") == 1
    assert after["longwatch_requests_running", ()] == 0


async def test_the_documented_names_are_there(tiny: Live) -> None:
    async with httpx.AsyncClient(base_url=tiny.url) as http:
        text = (await http.get("/metrics")).text
    families = {family.name for family in text_string_to_metric_families(text)}
    assert families >= NAMES


async def test_frames_left_out_on_purpose_are_told_from_those_lost(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name, gate=1.0, gate_seconds=1.5)
        await peer.push(handle, range(7), used=3)
        stats = await peer.until("lw.stream.stats", queue=0)
        assert stats["dropped"]["gate"] == 4
        after = await scrape(tiny)
    assert after["longwatch_frames_total", ("gated", name)] == 4
    assert after["longwatch_frames_total", ("dropped_budget", name)] == 0


def test_streams_beyond_the_cap_share_one_label() -> None:
    metrics = Metrics(labelled_streams=2)
    engine = Engine(t.TinyVideoLM())
    feeds = FeedRegistry(engine, MediaLimits())
    metrics.registry.register(StreamCollector(feeds, metrics.labelled_streams))
    for i in range(5):
        engine.open_stream(f"s{i}")
    samples = read(metrics.render().decode())
    labels = {labels[0] for sample, labels in samples if sample == "longwatch_memory_tokens"}
    assert labels == {"s0", "s1", OTHER}
    assert samples["longwatch_streams", ("offline",)] == 5
