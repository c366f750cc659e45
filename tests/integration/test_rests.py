"""What an answer says it rests on, and what the statistics say is held, on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from longwatch.client import connect
from longwatch.client import sync as blocking
from tests.support import peer as p
from tests.support import tiny as t

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.service import Live

FRAMES = 60  # half a second apart, so the last one is at 0:29.5
LATEST = 29_500_000


@pytest.fixture
async def watched(tiny: Live, name: str) -> AsyncIterator[p.Peer]:
    """Have a stream read of which the oldest frames are sealed."""
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name, memory="longwatch", window_tokens=40)
        await peer.push(handle, range(FRAMES))
        yield peer


def recalled(lw: dict[str, Any]) -> list[int]:
    return [frame["pts_us"] for frame in lw["evidence"] if frame["why"] == "recalled"]


async def ask(peer: p.Peer, name: str, text: str = "what?", **lw: Any) -> dict[str, Any]:
    """Return the `lw` object of an answer's end."""
    answer = await peer.ask(text, lw={"streams": [name], **lw})
    told: dict[str, Any] = answer[-1]["response"]["lw"]
    return told


async def test_an_answer_says_which_frames_it_rests_on(watched: p.Peer, name: str) -> None:
    told = await ask(watched, name)
    assert told["evidence"]
    assert {frame["stream"] for frame in told["evidence"]} == {name}
    scores = [frame["score"] for frame in told["evidence"]]
    assert scores == sorted(scores, reverse=True)
    assert 0 < sum(scores) <= 1.001
    for frame in told["evidence"]:
        assert frame["url"] == f"/v1/streams/{name}/frames/{frame['pts_us']}.jpg"
        assert frame["why"] in {"recalled", "at_hand"}
    assert (told["range"], told["range_dropped"]) == (None, False)


async def test_a_range_that_is_asked_for_or_said_is_kept_to(watched: p.Peer, name: str) -> None:
    span = {"from": 2_000_000, "to": 5_000_000}
    for told in (
        await ask(watched, name, range=span),
        await ask(watched, name, "what came between 0:02 and 0:04?", range="auto"),
    ):
        assert told["range"] == pytest.approx(span, abs=1)
        assert told["range_dropped"] is False
        assert recalled(told)
        assert all(2_000_000 <= time <= 5_000_000 for time in recalled(told))
    free = await ask(watched, name, "what came between 0:02 and 0:04?", range=None)
    assert free["range"] is None
    open_ended = await ask(watched, name, range={"from": 20_000_000})
    assert open_ended["range"] == pytest.approx({"from": 20_000_000, "to": LATEST}, abs=1)


async def test_a_range_of_which_nothing_is_held_is_dropped(watched: p.Peer, name: str) -> None:
    told = await ask(watched, name, range={"from": 900_000_000, "to": 999_000_000})
    assert (told["range"], told["range_dropped"]) == (None, True)
    assert recalled(told)
    assert (await ask(watched, name, "what was at 12:05?"))["range_dropped"] is True


@pytest.mark.parametrize(
    "wrong", [{"from": 2, "to": 1}, {"from": -1}, {"form": 1}, {"from": 0.5}, 7, "now"]
)
async def test_what_is_no_range_is_refused(tiny: Live, wrong: Any) -> None:
    async with p.connect(tiny.url) as peer:
        told = await peer.error(p.create(lw={"range": wrong}))
    assert told["code"] in {"invalid_value", "unknown_parameter"}
    assert told["param"].startswith("response.lw.range")


async def test_chat_says_the_same(tiny: Live, watched: p.Peer, name: str) -> None:
    lw = {"stream": name, "range": {"from": 2_000_000, "to": 5_000_000}}
    body = {"model": "tiny", "messages": [{"role": "user", "content": "what?"}], "max_tokens": 8}
    async with httpx.AsyncClient(base_url=tiny.url, timeout=t.DEADLINE) as http:
        reply = (await http.post("/v1/chat/completions", json={**body, "lw": lw})).json()
    told = await ask(watched, name, range=lw["range"])
    for key in ("evidence", "range", "range_dropped"):
        assert reply["lw"][key] == told[key]


async def test_the_client_says_the_same_in_seconds(tiny: Live, watched: p.Peer, name: str) -> None:
    told = await ask(watched, name, range={"from": 2_000_000, "to": 5_000_000})
    async with connect(tiny.url) as client:
        answer = await client.ask("what?", stream=name, between=(2, 5), max_tokens=8)
        await answer.read()
    assert [round(frame.time * 1e6) for frame in answer.evidence] == [
        frame["pts_us"] for frame in told["evidence"]
    ]
    assert answer.range == pytest.approx((2, 5))


def test_so_does_the_blocking_client(tiny: Live, name: str) -> None:
    t.feed(tiny.engine.open_stream(name), [t.frame(i) for i in range(3)])
    with blocking.connect(tiny.url) as client:
        answer = client.ask("what?", stream=name, between=(500, 600), max_tokens=3)
        answer.read()
        assert {frame.why for frame in answer.evidence} == {"at_hand"}
        assert {frame.time for frame in answer.evidence} <= {0.0, 0.5, 1.0}
        assert (answer.range, answer.range_dropped) == (None, True)


async def test_the_statistics_say_what_each_rung_holds(
    tiny: Live, watched: p.Peer, name: str
) -> None:
    await watched.ping()
    memory = (await watched.until("lw.stream.stats"))["memory"]
    stats = tiny.engine.stream(name).memory.stats()
    assert memory["sealed_tokens"] == stats.sealed_tokens > 0
    assert memory["archive_bytes"] == stats.archive_bytes
    assert [(rung["blocks"], rung["bytes"]) for rung in memory["rungs"]] == list(stats.rungs)
    assert sum(rung["bytes"] for rung in memory["rungs"]) <= memory["archive_bytes"]
    async with httpx.AsyncClient(base_url=tiny.url) as http:
        text = (await http.get("/metrics")).text
    assert 'longwatch_memory_bytes{tier="archive"}' in text
    assert 'longwatch_memory_rung_bytes{rung="0"}' in text
