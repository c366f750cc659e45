"""Streams, their publishers and those who follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.wire import Kind, Packet
from tests.support import peer as p

if TYPE_CHECKING:
    from tests.support.service import Live


async def test_a_stream_outlives_its_publisher(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as watcher:
        async with p.connect(tiny.url) as peer:
            await peer.feed(name, 3)
            await watcher.send({"type": "lw.stream.attach", "stream": name})
            assert (await watcher.until("lw.stream.state"))["state"] == "online"
            taken = await watcher.error({"type": "lw.stream.open", "stream": name})
            assert taken["code"] == "publisher_taken"
            shut = await watcher.error({"type": "lw.stream.close", "stream": name})
            assert shut["code"] == "publisher_taken"
        state = await watcher.until("lw.stream.state")
        assert (state["state"], state["reason"]) == ("offline", "publisher_left")
        before = await watcher.ask(lw={"streams": [name]})
        handle = await watcher.open(name)
        assert (await watcher.until("lw.stream.state"))["state"] == "online"
        again = await watcher.ask(lw={"streams": [name]})
        assert p.text_of(before) == p.text_of(again)
        await watcher.push(handle, range(3), used=6)  # a new publisher's clock begins at 0 again
        newest = (await watcher.ask(lw={"streams": [name]}))[0]["response"]["lw"]["as_of"][name]
        assert newest > 1_000_000


async def test_a_discarded_stream_is_gone_for_everybody(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer, p.connect(tiny.url, f"?stream={name}x") as late:
        assert await late.closed() == 4404
        await peer.feed(name)
        async with p.connect(tiny.url, f"?stream={name}") as watcher:
            await watcher.until("lw.stream.state")
            await peer.send(
                {"type": "lw.stream.close", "stream": name, "discard_memory": True, "event_id": "x"}
            )
            for each in (peer, watcher):
                gone = await each.until("lw.stream.state", state="ended")
                assert gone["reason"] == "discarded"
            unknown = await watcher.error(p.create(lw={"streams": [name]}))
            assert unknown["code"] == "stream_not_found"
            assert name not in [stream.name for stream in tiny.engine.streams()]
        await peer.feed(name, 1)  # the name is free again, and nothing is left of the past
        answer = await peer.ask()
        assert answer[0]["response"]["lw"]["as_of"] == {name: 0}


async def test_the_end_of_a_stream_is_told_once_all_was_read(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name)
        for i in range(4):
            await peer.send(p.image(handle, i))
        await peer.send(Packet(Kind.END, handle, 4, 0).encode())
        assert (await peer.until("lw.stream.state", state="ended"))["reason"] == "publisher_ended"
        while True:
            stats = await peer.until("lw.stream.stats")
            if stats["acked_seq"] == 4 and stats["queue"] == 0:
                break
        assert stats["used"] == 4
        assert (await peer.error(p.image(handle, 5)))["code"] == "closed"
        await peer.push(await peer.open(name), range(4), used=8)


async def test_what_a_stream_is_opened_with_is_told_and_holds(tiny: Live, name: str) -> None:
    policy = {"preset": "timechat", "compressor": "uniform", "token_rate": 4.0, "gate": 0.01}
    async with p.connect(tiny.url) as peer:
        source = {"kind": "push", "format": "image", "fps": 2.0}
        event = {"type": "lw.stream.open", "stream": name, "source": source}
        wrong = await peer.error({**event, "policy": {"token_rate": 4.0, "compressor": "keep_all"}})
        assert (wrong["code"], "longwatch methods" in wrong["message"]) == ("config", True)
        assert (await peer.error({**event, "policy": {"preset": "x"}}))["code"] == "config"
        await peer.send({**event, "policy": {**policy, "queue": 64}})
        accepted = (await peer.until("lw.stream.opened"))["accepted"]
        assert (accepted["memory"], accepted["compressor"]) == ("window", "uniform")
        assert (accepted["token_rate"], accepted["gate"]) == (4.0, 0.01)
        settings = tiny.engine.stream(name).settings
        assert (settings.token_rate, settings.gate, settings.gate_seconds) == (4.0, 0.01, 10.0)


async def test_statistics_say_what_share_of_a_frame_is_read(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name, compressor="uniform", keep=0.5, gate=1.0, gate_seconds=9.0)
        await peer.push(handle, range(4), used=1)
        while True:
            stats = await peer.until("lw.stream.stats")
            if stats["used"] + sum(stats["dropped"].values()) == 4:
                break
        assert stats["sparing"]["share"] == 0.5
        assert (stats["sparing"]["ease"], stats["sparing"]["degraded"]) == (1.0, None)
        assert stats["sparing"]["until_pts_us"] == 1_500_000
        assert stats["memory"]["newest_pts_us"] == 0


async def test_statistics_count_every_message(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        handle = await peer.open(name)
        for i in (0, 1, 1, 2):
            await peer.send(p.image(handle, i))
        await peer.send(Packet(Kind.IMAGE, handle, 3, 10**9, b"\xff\xd8\xff rubbish").encode())
        fault = (await peer.until("error"))["error"]
        assert fault["code"] == "sequence_gap"  # a number came twice
        fault = (await peer.until("error"))["error"]
        assert fault["code"] == "frame_undecodable"
        assert fault["lw"]["stream"] == name
        while True:
            stats = await peer.until("lw.stream.stats")
            if stats["used"] + sum(stats["dropped"].values()) == 5:
                break
        assert stats["received"] == 5
        assert stats["dropped"]["decode"] == 1
        assert stats["acked_seq"] == 3
        assert stats["memory"]["tokens"] > 0
