"""What the service says of itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from longwatch.serve.auth.scopes import scope_of_request
from tests.support import peer as p

if TYPE_CHECKING:
    from tests.support.service import Live

ALERTS = Path(__file__).parents[2] / "deploy/alerts.yml"


async def test_the_status_tells_what_the_service_holds_and_may_hold(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer, httpx.AsyncClient(base_url=tiny.url) as http:
        await peer.feed(name, 3)
        status = (await http.get("/v1/status")).json()
    assert (status["object"], status["model"], status["not_ready"]) == ("status", "tiny", [])
    assert 1 <= status["streams"]["open"] <= status["streams"]["most"] == 500
    assert 1 <= status["sessions"]["open"] <= status["sessions"]["most"]
    assert status["questions"]["most"] == tiny.settings.max_questions
    assert set(status["model_share"]) == {"frame", "answer", "other"}
    assert 0 <= sum(status["model_share"].values()) <= 1.01
    assert status["uptime_s"] > 0
    assert status["sealed"]["host"]["bytes"] >= status["sealed"]["disk"]["bytes"] == 0
    assert status["sealed"]["host"]["most"] is None


async def test_the_model_s_seconds_grow_with_its_work(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        before = tiny.engine.utilization.totals()
        await peer.feed(name, 3)
        await peer.ask(tokens=4)
        after = tiny.engine.utilization.totals()
    assert after["frame"] > before["frame"]
    assert after["answer"] > before["answer"]


def test_only_managers_see_the_whole_service() -> None:
    assert scope_of_request("GET", "/v1/status") == "manage"


@pytest.mark.parametrize("source", [ALERTS, Path(__file__).parents[2] / "docs/operations.md"])
def test_every_metric_that_alerts_and_pages_name_is_there(tiny: Live, source: Path) -> None:
    families = list(text_string_to_metric_families(httpx.get(f"{tiny.url}/metrics").text))
    known = {sample.name for family in families for sample in family.samples}
    known |= {f"{family.name}_total" for family in families if family.type == "counter"}
    known |= {family.name for family in families}
    known |= {f"{family.name}_bucket" for family in families if family.type == "histogram"}
    named = set(re.findall(r"\blongwatch_[a-z0-9_]+", source.read_text()))
    assert len(named) > 5
    assert named - known <= {"longwatch_key"}  # the file that holds one
