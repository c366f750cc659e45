"""JSON answers over both ways, one of them by the official client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import openai
import pytest
from pydantic import BaseModel, Field

from longwatch.errors import InputError
from longwatch.serve.protocol.questions import response_schema
from tests.support import peer as p

if TYPE_CHECKING:
    from tests.support.service import Live

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "seen": {"enum": ["rooster", "nothing"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["seen", "count"],
    "additionalProperties": False,
}


class Found(BaseModel):
    """What the official client makes a schema of."""

    there: bool
    count: Annotated[int, Field(ge=0, le=9)]  # a small model may write digits without end


def asking(form: dict[str, Any], **lw: Any) -> p.Event:
    """Return a question whose answer is to have a form."""
    event = p.create("what do you see?", 64, lw=lw)
    event["response"]["text"] = {"format": form}
    return event


def test_text_needs_no_schema_and_other_formats_are_refused() -> None:
    assert response_schema("text", None, "x") is None
    assert json.loads(response_schema("json_schema", SCHEMA, "x") or "") == SCHEMA
    assert response_schema("json_object", None, "x") is not None
    for kind, schema in (("xml", None), ("json_schema", None), ("json_schema", {"type": "no"})):
        with pytest.raises(InputError) as refused:
            response_schema(kind, schema, "x")
        assert refused.value.param == "x"


async def test_the_official_client_parses_an_answer(bundled: Live, name: str) -> None:
    async with (
        p.connect(bundled.url) as publisher,
        openai.AsyncOpenAI(base_url=f"{bundled.url}/v1", api_key="any", max_retries=0) as client,
    ):
        await publisher.feed(name)
        done = await client.chat.completions.parse(
            model=f"bundled@{name}",
            messages=[{"role": "user", "content": "is there a rooster?"}],
            response_format=Found,
            max_tokens=64,
        )
        assert isinstance(done.choices[0].message.parsed, Found)
        form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
        chunks = await client.chat.completions.create(
            model=f"bundled@{name}",
            messages=[{"role": "user", "content": "what do you see?"}],
            response_format=form,
            stream=True,
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        assert set(json.loads(text)) == {"seen", "count"}


async def test_a_response_on_the_socket_is_json_of_the_schema(bundled: Live, name: str) -> None:
    async with p.connect(bundled.url, "") as peer:
        await peer.feed(name)
        form = {"type": "json_schema", "name": "x", "strict": True, "schema": SCHEMA}
        await peer.send(asking(form, streams=[name], temperature=2.0, seed=3))
        events = await peer.answer()
        assert events[-1]["response"]["status"] == "completed"
        found = json.loads(p.text_of(events))
        assert found["seen"] in {"rooster", "nothing"}
        assert 0 <= found["count"] <= 9
        wrong = {"type": "json_schema", "schema": {"type": "no"}}
        told = await peer.error(asking(wrong, streams=[name]))
        assert (told["code"], told["param"]) == ("unsupported_schema", "response.text.format")


async def test_who_asks_says_whether_fields_are_asked_one_by_one(bundled: Live, name: str) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    async with p.connect(bundled.url) as peer, httpx.AsyncClient(base_url=bundled.url) as http:
        await peer.feed(name)
        took = {}
        for way in ("auto", "fields", "whole"):
            await peer.send(asking(form, streams=[name], json=way))
            done = (await peer.answer())[-1]["response"]
            assert set(json.loads(done["output"][0]["content"][0]["text"])) == {"seen", "count"}
            took[way] = done["usage"]["input_tokens"]
            body = {
                "model": f"bundled@{name}",
                "messages": [{"role": "user", "content": "what do you see?"}],
                "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
                "max_tokens": 64,
                "lw": {"json": way},
            }
            reply = await http.post("/v1/chat/completions", json=body)
            assert reply.json()["usage"]["prompt_tokens"] == took[way]
        assert took["auto"] == took["fields"] > took["whole"]  # two questions, and one
        refused = await peer.error(asking(form, streams=[name], json="never"))
        assert refused["param"] == "response.lw.json"


async def test_other_answers_beside_it_are_as_they_were(bundled: Live, name: str) -> None:
    async with p.connect(bundled.url) as peer, p.connect(bundled.url) as other:
        await peer.feed(name)
        lw = {"streams": [name]}
        alone = p.text_of(await other.ask("what do you see?", 16, lw=lw))
        await peer.send(asking({"type": "json_schema", "schema": SCHEMA}, streams=[name]))
        beside = p.text_of(await other.ask("what do you see?", 16, lw=lw))
        assert json.loads(p.text_of(await peer.answer()))
        assert beside == alone
