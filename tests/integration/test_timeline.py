"""Pictures and the timeline, over HTTP."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

from longwatch.serve.api.timeline import PICTURES, timeline_json
from longwatch.serve.engine.engine import Engine
from longwatch.serve.streams.settings import StreamSettings
from longwatch.types import Frame
from tests.support import peer as p
from tests.support.tiny import TinyVideoLM, ask, feed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.serve.streams.stream import Stream
    from tests.support.service import Live


def frame(i: int) -> Frame:
    return Frame(np.full((48, 64, 3), 5 * (i % 50), np.uint8), i / 2, i)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(TinyVideoLM())
    engine.start()
    yield engine
    engine.close()


def watched(engine: Engine, count: int, **settings: Any) -> Stream:
    stream = engine.open_stream("s", StreamSettings(fps=None, on_full="block", **settings))
    feed(stream, [frame(i) for i in range(count)])
    wait_for(lambda: stream.thumbnails.nearest(count / 2) is not None)
    return stream


@pytest.mark.parametrize("policy", ["window", "longwatch", "streamingtom", "livevlm", "full"])
def test_stretches_follow_each_other_and_hold_what_the_memory_holds(
    engine: Engine, policy: str
) -> None:
    window = None if policy in {"livevlm", "full"} else 40
    stream = watched(engine, 90, policy=policy, window_tokens=window, memory_mb=None)
    held = timeline_json(stream, 0.0, float("inf"))
    memory = stream.memory.stats()
    assert held["to"] == round(89 / 2 * 1e6)
    assert held["segments"][-1]["kind"] == "window"
    starts = [one["from"] for one in held["segments"]]
    assert starts == sorted(starts)
    assert all(one["from"] <= one["to"] and one["frames"] > 0 for one in held["segments"])
    if policy == "longwatch":
        assert {"sealed", "window"} <= {one["kind"] for one in held["segments"]}
        sealed = [one for one in held["segments"] if one["kind"] in {"sealed", "faded"}]
        assert sum(one["bytes"] for one in sealed) == sum(size for _, size in memory.rungs)


def test_a_stretch_of_the_past_has_what_was_in_it_alone(engine: Engine) -> None:
    stream = watched(engine, 60, window_tokens=40)
    ask(engine, "s")
    held = timeline_json(stream, 5.0, 10.0)
    assert all(5e6 <= pts <= 10e6 for pts in held["pictures"])
    assert held["questions"] == []
    whole = timeline_json(stream, 0.0, float("inf"))
    assert [each["at"] for each in whole["questions"]] == [round(59 / 2 * 1e6)]
    assert len(whole["pictures"]) <= PICTURES


async def test_a_picture_is_the_frame_of_its_moment(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer, httpx.AsyncClient(base_url=tiny.url) as http:
        await peer.feed(name, 3)
        path = f"/v1/streams/{name}"
        wait_for(lambda: len(tiny.engine.stream(name).thumbnails.times()) == 3)
        timeline = (await http.get(f"{path}/timeline")).json()
        assert timeline["pictures"] == [0, 500_000, 1_000_000]
        reply = await http.get(f"{path}/frames/500001.jpg")
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "image/jpeg"
        assert reply.headers["x-longwatch-pts-us"] == "500000"
        with Image.open(io.BytesIO(reply.content)) as picture:
            assert picture.size[0] > 0
        for wrong, status in (
            ("frames/99000000.jpg", 404),
            ("frames/-1.jpg", 422),
            ("frames/..%2f..%2fetc.jpg", 404),
            ("timeline?from=-1", 422),
        ):
            assert (await http.get(f"{path}/{wrong}")).status_code == status
        gone = (await http.get(f"{path}/frames/99000000.jpg")).json()["error"]
        assert (gone["code"], "1.000 s" in gone["message"]) == ("picture_gone", True)


async def test_a_picture_comes_in_a_width_and_never_wider_than_it_was_kept(
    tiny: Live, name: str
) -> None:
    gallery = tiny.engine.open_stream(name).thumbnails
    feed(tiny.engine.stream(name), [Frame(np.full((96, 320, 3), 90, np.uint8), 0.0, 0)])
    wait_for(lambda: len(gallery.times()) == 1)
    path = f"/v1/streams/{name}/frames/0.jpg"
    async with httpx.AsyncClient(base_url=tiny.url) as http:
        kept = (await http.get(path)).content
        for width, size in ((16, (16, 5)), (80, (80, 24)), (160, (160, 48)), (4096, (160, 48))):
            reply = await http.get(f"{path}?width={width}")
            with Image.open(io.BytesIO(reply.content)) as picture:
                assert picture.size == size
                assert abs(int(np.asarray(picture).mean()) - 90) <= 2
            again = await http.get(f"{path}?width={width}")
            assert (again.content, again.headers["etag"]) == (reply.content, reply.headers["etag"])
            assert (reply.content == kept) == (width >= 160)
            same = {"If-None-Match": reply.headers["etag"]}
            unchanged = await http.get(f"{path}?width={width}", headers=same)
            assert (unchanged.status_code, unchanged.content) == (304, b"")
        other = {"If-None-Match": '"another"'}
        assert (await http.get(f"{path}?width=80", headers=other)).status_code == 200
        for wrong in ("15", "4097", "0", "-3", "x", ""):
            refused = await http.get(f"{path}?width={wrong}")
            told = refused.json()["error"]
            assert (refused.status_code, told["param"], told["code"]) == (
                422,
                "width",
                "invalid_value",
            )
            assert "width cannot be taken" in told["message"]


async def test_evidence_comes_before_the_text_ends_with_where_its_picture_is(
    tiny: Live, name: str
) -> None:
    async with p.connect(tiny.url) as peer, httpx.AsyncClient(base_url=tiny.url) as http:
        await peer.feed(name, 3)
        wait_for(lambda: len(tiny.engine.stream(name).thumbnails.times()) == 3)
        await peer.send(p.create())
        events = [await peer.until("response.created")]
        while events[-1]["type"] != "response.done":
            events.append(await peer.receive())
        kinds = [event["type"] for event in events]
        assert kinds.index("lw.response.evidence") < kinds.index("response.output_text.done")
        items = events[kinds.index("lw.response.evidence")]["items"]
        assert items == events[-1]["response"]["lw"]["evidence"]
        assert items
        for item in items:
            assert (await http.get(item["url"])).status_code == 200
