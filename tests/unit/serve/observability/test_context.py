"""What log lines say they are about, of a live service."""

from __future__ import annotations

import io
import json
import threading
from typing import TYPE_CHECKING, Any, Literal

import pytest

from longwatch.serve.observability.context import current_context, log_context, merge_contexts
from longwatch.serve.observability.logs import configure_logs
from tests.support import peer as p
from tests.support.logs import restored
from tests.support.service import serve
from tests.support.tiny import TinyVideoLM, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from longwatch.types import Frame, VisualTokens

SECRET = "hunter2"
QUESTION = "who came through the door?"


class Moody(TinyVideoLM):
    """A model that fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.blind = self.mute = False

    def encode(self, frames: Sequence[Frame]) -> list[VisualTokens]:
        if self.blind:
            raise RuntimeError("the tower fell over")
        return super().encode(frames)

    def read_texts(self, *args: Any) -> Tensor:
        if self.mute:
            raise RuntimeError("the decoder fell over")
        return super().read_texts(*args)


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    with restored():
        yield


def test_ids_add_up_and_end_with_what_they_are_about() -> None:
    with log_context(session="s"), log_context(stream="a", session="t"):
        assert dict(current_context()) == {"session": "t", "stream": "a"}
    assert dict(current_context()) == {}


def test_a_thread_is_about_nothing_until_it_says_so() -> None:
    seen: list[dict[str, str]] = []
    with log_context(session="s"):
        thread = threading.Thread(target=lambda: seen.append(dict(current_context())))
        thread.start()
        thread.join()
    assert seen == [{}]


def test_a_line_about_several_has_lists() -> None:
    one, two = {"stream": "a", "session": "s"}, {"stream": "b"}
    assert merge_contexts([one]) == one
    assert merge_contexts([one, two]) == {"streams": ["a", "b"], "sessions": ["s"]}


async def troubles(name: str) -> tuple[str, str, str]:
    """Let everything go wrong once; return the ids of the session and of two answers."""
    model = Moody()
    with serve(model, pull_retry=0.1) as live:
        async with p.connect(live.url) as peer:
            handle = await peer.feed(name)
            whole = await peer.ask(QUESTION, 4, lw={"streams": [name]})
            model.mute = True
            broken = await peer.ask(QUESTION, 4, lw={"streams": [name]})
            model.mute, model.blind = False, True
            await peer.send(p.image(handle, 3))
            wait_for(lambda: live.engine.stream(name).stats().frames_failed == 1)
            url = f"rtsp://somebody:{SECRET}@127.0.0.1:9/x"
            source = {"kind": "pull", "url": url}
            await peer.send({"type": "lw.stream.open", "stream": f"{name}-p", "source": source})
            await peer.until("lw.stream.state", stream=f"{name}-p", state="reconnecting")
    ids = (events[-1]["response"]["id"] for events in (whole, broken))
    return peer.session["id"], *ids


async def lines(form: Literal["text", "json"], name: str) -> tuple[list[str], tuple[str, str, str]]:
    out = io.StringIO()
    configure_logs(form, "info", out)
    ids = await troubles(name)
    assert SECRET not in out.getvalue()
    assert QUESTION not in out.getvalue()
    return out.getvalue().splitlines(), ids


async def test_every_line_of_json_says_what_it_is_about(name: str) -> None:
    said, (session, whole, broken) = await lines("json", name)
    told = [line for line in map(json.loads, said) if line["logger"].startswith("longwatch.")]

    def found(event: str, **ids: str) -> bool:
        return any(
            event in line["event"] and all(line.get(key) == ids[key] for key in ids)
            for line in told
        )

    assert found("connection begins", session=session)
    assert found("connection ends", session=session)
    assert found("stream online", session=session, stream=name)
    assert found("stream offline", session=session, stream=name)
    assert found("answer completed", session=session, stream=name, answer=whole) or found(
        "answer incomplete", session=session, stream=name, answer=whole
    )
    assert found("a pass of the model", session=session, stream=name, answer=broken)
    assert found("answer failed", session=session, stream=name, answer=broken)
    assert found("could not be encoded", stream=name)
    assert found("stream reconnecting", stream=f"{name}-p")
    assert [line for line in told if not {"session", "stream"} & set(line)] == []


async def test_a_line_of_text_says_the_same(name: str) -> None:
    said, (session, whole, broken) = await lines("text", name)

    def found(event: str, *fields: str) -> bool:
        return any(event in line and all(field in line for field in fields) for line in said)

    assert found("connection begins", f"session={session}")
    assert found("stream online", f"session={session}", f"stream={name}")
    assert found("answer ", f"answer={whole}", f"session={session}", f"stream={name}")
    assert found("a pass of the model", f"answer={broken}", f"session={session}")
    assert found("could not be encoded", f"stream={name}")
    assert found("stream reconnecting", f"stream={name}-p")
