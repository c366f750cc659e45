"""One scripted session, and the names of all that a service says in it.

Names are paths, such as `response.output[].content[].text`: values differ from run to run.
"""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from longwatch.cli.demo.script import load_pictures
from longwatch.wire import Kind, Packet
from tests.project.golden_data import PULLED, SOURCE, WATCHED
from tests.support import peer as p
from tests.unit.serve.watches.test_webhooks import receiving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.project.golden_service import Service

STREAM, PAGE = "golden", "page"
FRAMES = 24
POLICY = {"persist": True, "queue": 64, "on_full": "block", "compressor": "keep_all"}
SIZED = {"window_tokens": 20}  # so that frames are sealed soon
SCHEMA = {
    "type": "object",
    "properties": {"cat": {"type": "boolean"}, "what": {"type": "string"}},
    "required": ["cat", "what"],
    "additionalProperties": False,
}
ASK = {"model": "bundled", "messages": [{"role": "user", "content": "what do you see?"}]}


class Said(NamedTuple):
    """What a service said in one session."""

    events: dict[str, list[str]]  # paths of each type of event
    order: list[str]  # types of the events of one answer; those in a row once
    replies: dict[str, list[str]]  # paths of each reply over HTTP
    webhook: list[str]  # headers and paths of a firing that was posted
    metrics: dict[str, Any]
    traces: dict[str, Any]


class Listening(p.Peer):
    """A peer that notes what it hears."""

    def __init__(self, peer: p.Peer, heard: list[p.Event]) -> None:
        super().__init__(peer.socket)
        self.session, self._heard = peer.session, heard
        heard.append(peer.greeting)

    async def receive(self) -> p.Event:
        event = await super().receive()
        self._heard.append(event)
        return event


async def hold(service: Service) -> Said:
    """Hold the session."""
    before = len(service.spans())
    heard = list[p.Event]()
    async with receiving("200 OK") as (posted, hook):
        async with _listening(service, heard) as one:
            await _set_up(one, hook)
            await _feed(one)
            order = await _ask(one)
            await _go_wrong(one)
            async with _listening(service, heard) as other:
                await _follow(other)
            await _leave(one)
        async with _listening(service, heard, p.resuming(one)) as again:
            await again.ping()
        replies = await _http(service)
        (post,) = posted.posts
    return Said(
        {
            kind: paths(event for event in heard if event["type"] == kind)
            for kind in sorted({event["type"] for event in heard})
        },
        order,
        replies,
        [f"header {name}" for name in post.headers] + paths([json.loads(post.body)]),
        metrics(service),
        traces(service.spans()[before:]),
    )


def paths(values: Iterable[Any]) -> list[str]:
    """Return the paths of all fields of JSON values."""
    found = {path for value in values for path in _paths(value, "")}
    return sorted(found)


def metrics(service: Service) -> dict[str, Any]:
    """Return names, types and labels of the metrics, but for the moments when each was made."""
    families = text_string_to_metric_families(service.get("/metrics").decode())
    return {
        family.name: {
            "type": family.type,
            "samples": sorted({s.name for s in family.samples}),
            "labels": sorted({label for s in family.samples for label in s.labels}),
        }
        for family in sorted(families, key=lambda one: one.name)
        if not family.name.endswith("_created")
    }


def traces(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return the names of traces, of their stages and events, and of what is told of each."""
    found: dict[str, Any] = {}
    roots = {span.context.span_id: span.name for span in spans if span.context and not span.parent}
    for name in sorted(set(roots.values())):
        ids = {key for key, root in roots.items() if root == name}
        stages = [s for s in spans if s.parent and s.parent.span_id in ids]
        wholes = [s for s in spans if s.context and s.context.span_id in ids]
        found[name] = {
            "attributes": _attributes(wholes),
            "events": sorted({event.name for s in wholes for event in s.events}),
            "stages": {
                stage: _attributes([s for s in stages if s.name == stage])
                for stage in sorted({s.name for s in stages})
            },
        }
    of_the_process = {name for span in spans for name in span.resource.attributes}
    found["resource"] = sorted(of_the_process & {"service.name", "service.version"})
    return found


def _attributes(spans: Sequence[ReadableSpan]) -> list[str]:
    return sorted({name for span in spans for name in span.attributes or {}})


def _paths(value: Any, place: str) -> set[str]:
    if isinstance(value, dict):
        within = [(f"{place}.{key}" if place else key, each) for key, each in value.items()]
        return {path for path, _ in within}.union(*(_paths(each, path) for path, each in within))
    if isinstance(value, list):
        return set().union(*(_paths(each, f"{place}[]") for each in value))
    return set()


@asynccontextmanager
async def _listening(
    service: Service, heard: list[p.Event], query: str = ""
) -> AsyncIterator[Listening]:
    headers = {"Authorization": f"Bearer {service.token}"}
    async with p.connect(service.url, query, additional_headers=headers) as peer:
        yield Listening(peer, heard)


async def _set_up(one: Listening, hook: str) -> None:
    lw = {"protocol": 1, "streams": [WATCHED]}
    await one.send({"type": "session.update", "session": {"instructions": "", "lw": lw}})
    await one.until("session.updated")
    watch = {
        "condition": "there is a cat",
        "streams": [STREAM],
        "min_duration_s": 0.0,
        "once": True,
    }
    webhook = {"url": hook, "secret": "not-a-secret"}
    await one.send({"type": "lw.watch.create", **watch, "webhook": webhook})
    await one.until("lw.watch.created")


async def _feed(one: Listening) -> None:
    """Push photographs into a stream that is kept, and one in an event of its own."""
    source = {"kind": "push", "format": "image", "fps": None}
    policy = {**POLICY, **SIZED}
    await one.send({"type": "lw.stream.open", "stream": STREAM, "source": source, "policy": policy})
    handle = int((await one.until("lw.stream.opened"))["handle"])
    pictures = [picture.path.read_bytes() for picture in load_pictures()]
    for n in range(FRAMES - 1):
        picture = pictures[n * len(pictures) // FRAMES]
        await one.send(Packet(Kind.IMAGE, handle, n, n * 500_000, picture).encode())
        if n == 1:  # the cat is there; a watch looks at the newest frame alone
            await one.until("lw.watch.fired")
    last = base64.b64encode(pictures[-1]).decode()
    await one.send(
        {"type": "lw.frame.append", "stream": STREAM, "image": last, "pts_us": FRAMES * 500_000}
    )
    while (await one.until("lw.stream.stats", stream=STREAM))["used"] < FRAMES:
        pass
    await one.until("lw.stream.stats", stream=STREAM)


async def _ask(one: Listening) -> list[str]:
    """Ask beside the conversation, in it, and for JSON; return the order of an answer's events."""
    about = {"streams": [WATCHED]}
    answer = await one.ask("was there an egyptian cat?", 16, lw=about, metadata={"tag": "x"})
    order = [event["type"] for event in answer]
    span = {**about, "range": {"from": 0, "to": 3_000_000}, "as_of": 60_000_000}
    await one.ask("what do you see?", 16, lw=span)
    form = {"format": {"type": "json_schema", "name": "seen", "schema": SCHEMA}}
    typed = p.create("what do you see?", 64, lw=about)
    await one.send({**typed, "response": {**typed["response"], "text": form}})
    await one.answer()
    item = p.message("what do you see now?", id="asked")
    await one.send({"type": "conversation.item.create", "item": item})
    await one.until("conversation.item.done")
    await one.send({"type": "response.create", "response": {"lw": about}})
    await one.until("response.done")
    await one.send({"type": "conversation.item.delete", "item_id": "asked"})
    await one.until("conversation.item.deleted")
    return [kind for n, kind in enumerate(order) if not n or order[n - 1] != kind]


async def _go_wrong(one: Listening) -> None:
    await one.error({"type": "lw.unheard_of", "event_id": "mine"})
    await one.error({"type": "lw.stream.attach", "stream": "nowhere"})
    await one.error({"type": "response.cancel", "response_id": "none"})


async def _follow(other: Listening) -> None:
    """Follow streams that others feed, and look after watches."""
    for name in (STREAM, PULLED):
        await other.send({"type": "lw.stream.attach", "stream": name})
    await other.until("lw.stream.state", stream=PULLED, state="reconnecting")
    await other.until("lw.stream.stats", stream=PULLED, state="reconnecting")
    await other.send({"type": "lw.watch.list"})
    watches = (await other.until("lw.watch.listed"))["watches"]
    (watch_id,) = [watch["id"] for watch in watches if watch["streams"] == [STREAM]]
    await other.send({"type": "lw.watch.attach", "watch_id": watch_id, "after": 0})
    await other.until("lw.watch.fired")
    await other.send({"type": "lw.watch.update", "watch_id": watch_id, "paused": True})
    await other.until("lw.watch.updated")
    await other.send({"type": "lw.watch.create", "condition": "a dog", "streams": ["none"]})
    passing = (await other.until("lw.watch.created"))["watch"]["id"]
    await other.send({"type": "lw.watch.delete", "watch_id": passing})
    await other.until("lw.watch.deleted")
    await other.send({"type": "lw.stream.detach", "stream": STREAM})
    await other.ping()


async def _leave(one: Listening) -> None:
    await one.send({"type": "lw.stream.close", "stream": STREAM})
    await one.until("lw.stream.state", stream=STREAM)
    await one.ping()
    one.cut()


async def _http(service: Service) -> dict[str, list[str]]:
    """Use every route that replies with JSON."""
    headers = {"Authorization": f"Bearer {service.token}"}
    found: dict[str, list[str]] = {}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60) as http:

        async def call(method: str, route: str, body: Any = None, **names: str) -> Any:
            reply = await http.request(method, route.format(**names), json=body)
            found[f"{method} {route} {reply.status_code}"] = paths([reply.json()])
            return reply.json()

        for route in ("healthz", "readyz", "v1/models", "v1/status", "v1/streams", "v1/watches"):
            await call("GET", f"/{route}")
        for route in ("", "/dialogue", "/timeline"):
            await call("GET", "/v1/streams/{name}" + route, name=WATCHED)
        await call("GET", "/v1/streams/{name}", name="nowhere")
        await call("POST", "/v1/tickets")
        source = {"kind": "pull", "url": SOURCE}
        made = {"stream": PAGE, "source": source, "policy": {"persist": True}}
        await call("POST", "/v1/streams", made)
        await call("DELETE", "/v1/streams/{name}?discard_memory=true", name=PAGE)
        watch = await call("POST", "/v1/watches", {"condition": "a dog", "streams": ["none"]})
        await call("GET", "/v1/watches/{id}", id=watch["id"])
        await call("PATCH", "/v1/watches/{id}", {"paused": True}, id=watch["id"])
        await call("DELETE", "/v1/watches/{id}", id=watch["id"])
        asked = {**ASK, "lw": {"stream": STREAM}}
        await call("POST", "/v1/chat/completions", asked)
        streamed = {**asked, "stream": True, "stream_options": {"include_usage": True}}
        reply = await http.post("/v1/chat/completions", json=streamed)
        pieces = [line.removeprefix("data: ") for line in reply.text.splitlines() if line]
        found["POST /v1/chat/completions stream"] = paths(
            json.loads(piece) for piece in pieces if piece.startswith("{")
        )
    return found
