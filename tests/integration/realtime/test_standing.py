"""Limits of sessions and keys, on real connections; revoked keys are in test_security."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.serve.auth.keys import KeyFile
from tests.support import peer as p
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from pathlib import Path


async def test_too_many_bytes_end_the_connection_and_say_so(name: str) -> None:
    with serve(TinyVideoLM(), session_bytes=2000) as live:
        async with p.connect(live.url) as peer:
            await peer.send({"type": "lw.ping", "t": "x" * 20})
            await peer.until("lw.pong")
            await peer.send(bytes(9000))  # it passes, as a full bucket's debt, or is refused
            await peer.send({"type": "lw.ping"})
            error = await peer.until("error")
            while error["error"]["code"] != "rate_limited":
                error = await peer.until("error")
            assert error["error"]["lw"]["fatal"]
            assert error["error"]["lw"]["retry_after_ms"] > 0
            assert await peer.closed() == 4429


async def test_pictures_beyond_the_rate_are_dropped_and_told_of_once(name: str) -> None:
    with serve(TinyVideoLM(), session_frames=0.5) as live:
        async with p.connect(live.url) as peer:
            handle = await peer.open(name)
            for i in range(20):
                await peer.send(p.image(handle, i))
            await peer.send({"type": "lw.ping", "t": "after"})
            errors = []
            while (event := await peer.receive())["type"] != "lw.pong":
                errors += [event["error"]["code"]] if event["type"] == "error" else []
            assert "rate_limited" in errors
            assert len([code for code in errors if code == "rate_limited"]) < 5
            told = await peer.error({"type": "lw.frame.append", "stream": name, "image": ""})
            assert told["code"] == "rate_limited"
            stats = await peer.until("lw.stream.stats")
            assert stats["received"] < 20


async def test_questions_have_a_rate_that_is_told(name: str) -> None:
    with serve(TinyVideoLM(), session_questions=2, key_questions=3) as live:
        async with p.connect(live.url) as peer:
            await peer.feed(name)
            await peer.send(p.create(tokens=2))
            left = (await peer.until("rate_limits.updated"))["rate_limits"]
            assert left[0]["name"] == "requests"
            assert (left[0]["limit"], left[0]["remaining"]) == (2, 1)
            await peer.until("response.done")
            await peer.ask(tokens=2)
            told = await peer.error(p.create(tokens=2))
            assert (told["code"], told["lw"]["retryable"]) == ("rate_limited", True)
            async with p.connect(live.url) as other:  # of the same key, which has one left
                await other.ask(tokens=2, lw={"streams": [name]})
                assert (await other.error(p.create(tokens=2)))["code"] == "rate_limited"


async def test_a_key_has_its_own_part_of_sessions_streams_and_answers(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    tokens = [file.add(who, ["ask", "publish", "manage"])[1] for who in ("one", "two")]
    one, two = ({"Authorization": f"Bearer {token}"} for token in tokens)
    limits = {"key_sessions": 1, "key_streams": 1, "key_parallel": 1}
    with serve(TinyVideoLM(), keys=str(file.path), **limits) as live:
        async with p.connect(live.url, additional_headers=one) as peer:
            await peer.feed("a")
            told = await peer.error({"type": "lw.stream.open", "stream": "b"})
            assert told["code"] == "too_many_streams"
            await peer.send(p.create(tokens=p.LONG))
            first = (await peer.until("response.created"))["response"]["id"]
            assert (await peer.error(p.create()))["code"] == "overloaded"
            async with p.connect(live.url, additional_headers=two) as other:
                await other.feed("b")
                await other.ask(lw={"streams": ["a"]})
            await peer.send({"type": "response.cancel", "response_id": first})
            await peer.until("response.done")
            await peer.ask(lw={"streams": ["a"]})
            close = {"type": "lw.stream.close", "stream": "a", "discard_memory": True}
            await peer.send(close)
            await peer.open("c")
