"""Pictures and video on their way in."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from longwatch.serve.auth.limits import RateLimiter, RateLimits
from longwatch.serve.protocol.errors import CloseConnection
from longwatch.serve.realtime.frames import FrameReceiver
from longwatch.serve.realtime.streams import PublishedStream
from longwatch.wire import Flags, Kind, Packet
from tests.support import peer as p
from tests.support.media import access_units, clip, pieces, still

if TYPE_CHECKING:
    from longwatch.serve.realtime.streams import Streams
    from tests.support.service import Live


async def test_all_forms_of_pictures_reach_the_memory(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name)
        text = base64.b64encode(still(1, "webp")).decode()
        await peer.send(still(0, "png"))
        await peer.ping()
        await peer.send({"type": "lw.frame.append", "image": text})
        await peer.ping()
        uri = {"image": f"data:image/webp;base64,{text}", "pts_us": 10**9, "stream": name}
        await peer.send({"type": "lw.frame.append", **uri})
        last = Packet(Kind.IMAGE, handle, 9, 2 * 10**9, still(3), Flags.NONE, 1_700_000_000_000_000)
        await peer.send(last.encode())
        while (await peer.until("lw.stream.stats"))["used"] < 4:
            pass
        other = f"{name}-2"
        await peer.open(other)
        for ambiguous in (still(1), {"type": "lw.frame.append", "image": text}):
            assert (await peer.error(ambiguous))["code"] == "stream_required"
        broken = await peer.error({"type": "lw.frame.append", "image": "?", "stream": other})
        assert broken["code"] == "frame_undecodable"


VIDEO = {"h264": "h264", "hevc": "hevc", "mp4": "h264", "webm": "vp9", "mpegts": "h264"}


@pytest.mark.parametrize("form", VIDEO)
async def test_encoded_video_reaches_the_memory(tiny: Live, name: str, form: str) -> None:
    count = 8
    if form in ("h264", "hevc"):
        units = [(unit.data, round(unit.pts * 1e6)) for unit in access_units(form, count, fps=2)]
    else:
        units = [(piece, 0) for piece in pieces(clip(form, VIDEO[form], count, fps=2), [999])]
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name, form)
        for i, (data, pts) in enumerate(units):
            kind = Kind.CHUNK if i else Kind.EPOCH
            await peer.send(Packet(kind, handle, i, pts, data).encode())
        await peer.send(Packet(Kind.END, handle, len(units), 0).encode())
        while True:
            stats = await peer.until("lw.stream.stats")
            if stats["state"] == "ended" and stats["queue"] == 0:
                break
    assert stats["used"] == count
    assert stats["memory"]["newest_pts_us"] == pytest.approx((count - 1) * 500_000, abs=1000)


async def test_data_of_another_format_is_told_and_the_stream_can_go_on(
    tiny: Live, name: str
) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name, "mp4")
        error = await peer.error(Packet(Kind.EPOCH, handle, 0, 0, bytes(5000)).encode())
        assert error["lw"] == {
            "retryable": False,
            "fatal": False,
            "retry_after_ms": None,
            "stream": name,
        }
        good = clip("mp4", count=4, fps=2)
        await peer.send(Packet(Kind.EPOCH, handle, 1, 0, good).encode())
        await peer.send(Packet(Kind.END, handle, 2, 0).encode())
        while (await peer.until("lw.stream.stats"))["used"] < 4:
            pass


async def test_binary_where_nothing_is_open_hangs_up() -> None:
    channels = SimpleNamespace(fed={})
    with pytest.raises(CloseConnection) as told:
        FrameReceiver(cast("Streams", channels), RateLimiter(RateLimits())).binary(still(1))
    assert told.value.code == 1003
    assert told.value.error is not None


async def test_what_a_header_says_reaches_the_decoder() -> None:
    fed: list[dict[str, object]] = []
    ingest = SimpleNamespace(feed=lambda payload, pts, **facts: fed.append({"pts": pts, **facts}))
    feed = SimpleNamespace(ingest=ingest, acked=None)
    fed_by = SimpleNamespace(fed={5: PublishedStream(cast("Any", feed), cast("Any", ingest))})
    frames = FrameReceiver(cast("Streams", fed_by), RateLimiter(RateLimits()))
    frames.binary(
        Packet(Kind.EPOCH, 5, 7, 1_500_000, b"x", Flags.DISCONTINUITY, 2_000_000).encode()
    )
    frames.binary(Packet(Kind.CHUNK, 5, 8, 0, b"x").encode())
    first = {"pts": 1.5, "epoch": True, "discontinuity": True, "captured_at": 2.0}
    second = {"pts": 0.0, "epoch": False, "discontinuity": False, "captured_at": None}
    assert fed == [first, second]
    assert feed.acked == 8
