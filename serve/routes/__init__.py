"""What can be had over HTTP: one file of routes for each subject, listed in `ROUTES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.serve.routes import operation, page, past, questions, streams, tickets, watches

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import APIRouter

    from longwatch.serve.service import Service

ROUTES: tuple[Callable[[Service], APIRouter], ...] = (
    questions.routes,
    streams.routes,
    past.routes,
    watches.routes,
    operation.routes,
    tickets.routes,
    page.routes,
)
