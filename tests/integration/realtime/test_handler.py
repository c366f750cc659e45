"""What each event does, and what is said when it cannot be done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.wire import Kind, Packet
from tests.support import peer as p

if TYPE_CHECKING:
    from tests.support.service import Live


async def test_settings_of_a_session_are_its_answers_defaults(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name)
        session = {"type": "realtime", "instructions": "Be brief.", "max_output_tokens": 3}
        await peer.send({"type": "session.update", "session": {**session, "voice": "ignored"}})
        updated = (await peer.until("session.updated"))["session"]
        assert {**updated, **session} == updated
        await peer.send({"type": "response.create", "response": {"input": [p.message("why?")]}})
        usage = (await peer.answer())[-1]["response"]["usage"]
        assert usage["output_tokens"] == 3
        assert usage["input_token_details"]["text_tokens"] == len("Be brief.why?")


async def test_the_session_says_what_it_allows(tiny: Live) -> None:
    async with p.connect(tiny.url) as peer:
        lw = peer.session["lw"]
        assert peer.session["model"] == "tiny"
        assert lw["protocol"] == 1
        assert lw["limits"]["max_message_bytes"] == tiny.settings.max_message_bytes
        await peer.send({"type": "lw.ping", "t": 12.5})
        pong = await peer.until("lw.pong")
        assert pong["t"] == 12.5
        assert pong["server_time"] >= lw["server_time"]


OPEN = "lw.stream.open"


CREATE = "conversation.item.create"


def opening(**fields: Any) -> p.Event:
    return {"type": OPEN, "stream": "other", **fields}


ERRORS: dict[str, tuple[Any, str, str | None]] = {
    "no object": ("[]", "invalid_message", None),
    "no type": ({}, "missing_parameter", "type"),
    "a type that is no text": ({"type": 3}, "unknown_event", "type"),
    "an event of nobody's": ({"type": "lw.nothing"}, "unknown_event", "type"),
    "audio": ({"type": "input_audio_buffer.append", "audio": ""}, "unknown_event", "type"),
    "a field is missing": ({"type": OPEN}, "missing_parameter", "stream"),
    "a field is of the wrong type": (
        {"type": "response.cancel", "response_id": 3},
        "invalid_value",
        "response_id",
    ),
    "a misspelt field of ours": (opening(sauce={}), "unknown_parameter", "sauce"),
    "a misspelt field in lw": (
        {"type": "response.create", "response": {"lw": {"as_off": 1}}},
        "unknown_parameter",
        "response.lw.as_off",
    ),
    "a source of nobody's": (opening(source={"kind": "fax"}), "invalid_value", "source.kind"),
    "a format of nobody's": (opening(source={"format": "gif"}), "config", None),
    "raw frames without a size": (opening(source={"format": "raw_rgb"}), "config", "size"),
    "a name that is none": (opening(stream="../x"), "invalid_name", "stream"),
    "a queue of nothing": (opening(policy={"queue": 0}), "config", None),
    "a policy of nobody's": (opening(policy={"memory": "dream"}), "config", None),
    "following what is not there": (
        {"type": "lw.stream.attach", "stream": "no"},
        "stream_not_found",
        "stream",
    ),
    "leaving what was not followed": (
        {"type": "lw.stream.detach", "stream": "no"},
        "stream_not_found",
        "stream",
    ),
    "closing what is not there": (
        {"type": "lw.stream.close", "stream": "no"},
        "stream_not_found",
        "stream",
    ),
    "a picture for a stream of somebody else": (
        {"type": "lw.frame.append", "image": "", "stream": "no"},
        "stream_not_found",
        "stream",
    ),
    "a picture in a question": (
        {
            "type": CREATE,
            "item": p.message("x") | {"content": [{"type": "input_image", "image_url": "x"}]},
        },
        "unsupported_content",
        "item.content.0",
    ),
    "an item that says nothing": (
        {"type": CREATE, "item": p.message("x") | {"content": []}},
        "invalid_value",
        "item.content",
    ),
    "an item after one that is not there": (
        {"type": CREATE, "item": p.message("x"), "previous_item_id": "no"},
        "item_not_found",
        "previous_item_id",
    ),
    "no question": ({"type": "response.create"}, "no_question", None),
    "a reference to nothing": (
        p.create(input=[{"type": "item_reference", "id": "no"}]),
        "item_not_found",
        "response.input.0.id",
    ),
    "audio out": (
        p.create(output_modalities=["audio"]),
        "unsupported_modality",
        "response.output_modalities",
    ),
    "tools": (p.create(tools=[{}]), "unsupported_parameter", "response.tools"),
    "two streams": (p.create(lw={"streams": ["a", "b"]}), "too_many_streams", "lw.streams"),
    "a moment before the first frame of a stream that is not there": (
        p.create(lw={"streams": ["no"]}),
        "stream_not_found",
        "stream",
    ),
    "hot": (p.create(temperature=99.0), "invalid_value", "temperature"),
    "a question that is too long": (p.create("x" * 20_000), "context_overflow", None),
    "a header that is cut off": (b"\x01\x01", "header_truncated", None),
    "a header of another version": (b"\x07" * 40, "protocol_unsupported", None),
    "a kind of nobody's": (b"\x01\x09\x00\x07" + bytes(40), "invalid_kind", None),
    "a handle of nobody's": (Packet(Kind.IMAGE, 77, 0, 0).encode(), "unknown_handle", None),
}


@pytest.mark.parametrize("case", ERRORS)
async def test_an_error_names_what_is_wrong_and_the_session_goes_on(
    tiny: Live, name: str, case: str
) -> None:
    wrong, code, param = ERRORS[case]
    async with p.connect(tiny.url) as peer:
        await peer.feed(name, 1)
        if isinstance(wrong, dict):
            wrong = {**wrong, "event_id": "mine"}
        error = await peer.error(wrong)
        assert (error["code"], error["param"]) == (code, param)
        assert error["event_id"] == ("mine" if isinstance(wrong, dict) else None)
        assert error["lw"]["fatal"] is False
        assert error["message"]
        assert error["type"].endswith("_error")
        await peer.ask(lw={"streams": [name]})


async def test_a_stream_without_frames_is_worth_another_try(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.open(name)
        error = await peer.error(p.create())
        assert error["code"] == "stream_empty"
        assert error["lw"]["retryable"] is True


async def test_one_of_several_streams_must_be_named(tiny: Live, name: str) -> None:
    async with p.connect(tiny.url) as peer:
        await peer.feed(name, 1)
        await peer.feed(f"{name}-2", 1)
        assert (await peer.error(p.create()))["code"] == "stream_required"


@pytest.mark.parametrize("letter", ["x", "\N{EURO SIGN}"])
async def test_text_that_fits_no_dialogue_is_refused_and_the_session_goes_on(
    tiny: Live, letter: str
) -> None:
    text = letter * 1_000_000
    item = {"type": "conversation.item.create", "item": p.message(text)}
    update = {"type": "session.update", "session": {"instructions": text}}
    async with p.connect(tiny.url) as peer:
        for event, param in ((item, "item.content"), (update, "session.instructions")):
            told = await peer.error(json.dumps(event, ensure_ascii=False))
            assert (told["code"], told["param"]) == ("context_overflow", param)
        await peer.ping()
