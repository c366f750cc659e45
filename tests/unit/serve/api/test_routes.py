"""All routes together."""

from __future__ import annotations

from collections import Counter

from fastapi.routing import APIRoute, APIWebSocketRoute

from longwatch.serve.api.app import create_app
from longwatch.serve.api.routes import all_routes
from longwatch.serve.api.status import StatusCollector
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.realtime.session import SessionRegistry
from longwatch.serve.service import Service
from tests.support.tiny import TinyVideoLM


def http_routes() -> list[APIRoute]:
    service = Service(Engine(TinyVideoLM()), Settings(), Metrics(1))
    sessions = SessionRegistry(1.0, 1)
    routers = all_routes(service, sessions, StatusCollector(service, sessions))
    made = [route for router in routers for route in router.routes]
    assert all(isinstance(route, APIRoute | APIWebSocketRoute) for route in made)
    return [route for route in made if isinstance(route, APIRoute)]


def test_no_route_hides_another() -> None:
    ways = Counter(
        (method, route.path) for route in http_routes() for method in route.methods or ()
    )
    assert set(ways.values()) == {1}


def test_every_route_is_in_the_published_description() -> None:
    described = create_app(Engine(TinyVideoLM()), Settings()).openapi()["paths"]
    for route in http_routes():
        assert not route.include_in_schema or route.path in described
