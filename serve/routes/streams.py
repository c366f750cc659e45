"""What is known of the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

if TYPE_CHECKING:
    from longwatch.serve.service import Service


def routes(service: Service) -> APIRouter:
    """Return the routes that tell of streams."""
    router = APIRouter()

    @router.get("/v1/streams")
    async def streams() -> dict[str, Any]:
        return {"object": "list", "data": [feed.json() for feed in service.feeds.all()]}

    @router.get("/v1/streams/{name}")
    async def stream(name: str) -> dict[str, Any]:
        feed = service.feeds.get(name)
        gaps = [[gap.start, gap.end] for gap in feed.stream.timeline.gaps]
        return {**feed.json(), "created": feed.stream.created, "gaps": gaps}

    @router.get("/v1/streams/{name}/dialogue")
    def dialogue(name: str) -> dict[str, Any]:
        """Return what was asked about a stream that is kept; on a thread, as it reads the disk."""
        kept = service.engine.stream(name).kept
        told = [] if kept is None else [exchange._asdict() for exchange in kept.dialogue()]
        return {"object": "list", "data": told}

    return router
