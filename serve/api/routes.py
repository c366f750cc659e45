"""What can be had over HTTP: one file of routes for each subject, listed in `all_routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.serve.api import (
    operation,
    page,
    questions,
    streams,
    tickets,
    timeline_routes,
    watches,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

    from longwatch.serve.api.status import Vitals
    from longwatch.serve.realtime.session import Sessions
    from longwatch.serve.service import Service


def all_routes(service: Service, sessions: Sessions, vitals: Vitals) -> tuple[APIRouter, ...]:
    """Return the routes of every subject."""
    return (
        questions.routes(service, sessions),
        streams.routes(service),
        timeline_routes.routes(service),
        watches.routes(service),
        operation.routes(service, vitals),
        tickets.routes(service),
        page.routes(service),
    )
