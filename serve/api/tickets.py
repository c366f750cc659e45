"""Tickets, with which web pages connect in place of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from longwatch.serve.auth.authenticator import SECONDS
from longwatch.serve.auth.principal import current

if TYPE_CHECKING:
    from longwatch.serve.service import Service


def routes(service: Service) -> APIRouter:
    """Return the route that gives tickets out."""
    router = APIRouter()

    @router.post("/v1/tickets")
    async def ticket() -> dict[str, Any]:
        issued = service.access.issue(current())
        return {"object": "lw.ticket", "ticket": issued, "expires_in": int(SECONDS)}

    return router
