"""What is known of the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from longwatch.serve.auth.principal import current
from longwatch.serve.auth.scopes import DISCARD
from longwatch.serve.protocol.validation import Name, StrictModel, described, read_body
from longwatch.serve.realtime.messages import PullSource, StreamPolicy, asked_settings

if TYPE_CHECKING:
    from longwatch.serve.service import Service


class StreamParams(StrictModel):
    """What a stream is made of."""

    stream: Name
    source: PullSource | None = None
    policy: StreamPolicy = StreamPolicy()


def routes(service: Service) -> APIRouter:
    """Return the routes that tell of streams."""
    router = APIRouter()

    @router.get("/v1/streams")
    async def streams() -> dict[str, Any]:
        return {"object": "list", "data": [feed.json() for feed in service.feeds.all()]}

    @router.post("/v1/streams", status_code=201, openapi_extra=described(StreamParams))
    async def create(request: Request) -> dict[str, Any]:
        """Make a stream, and pull its source if it has one; others wait for a publisher."""
        asked = await read_body(request, StreamParams)
        settings = service.settings.stream.overridden(asked_settings(asked.policy, asked.source))
        if asked.source is None:
            current().require_stream(asked.stream)
            return service.feeds.acquire(asked.stream, settings).json()
        return service.sources.open(asked.stream, asked.source.address(), settings).json()

    @router.delete("/v1/streams/{name}")
    async def close(name: str, discard_memory: bool = False) -> dict[str, Any]:
        """Stop pulling a stream; forget all that it has seen if that is asked for."""
        if discard_memory:
            current().require(DISCARD)
        feed = service.sources.close(name, discard_memory=discard_memory)
        return {"stream": name, "state": feed.state, "reason": feed.reason}

    @router.get("/v1/streams/{name}")
    async def stream(name: str) -> dict[str, Any]:
        feed = service.feeds.get(name)
        gaps = [[gap.start, gap.end] for gap in feed.stream.timeline.gaps]
        return {**feed.json(), "created": feed.stream.created, "gaps": gaps}

    @router.get("/v1/streams/{name}/dialogue")
    def dialogue(name: str) -> dict[str, Any]:
        """Return what was asked about a stream; on a thread, as it may read the disk."""
        told = service.engine.stream(name).dialogue.all()
        return {"object": "list", "data": [exchange._asdict() for exchange in told]}

    return router
