"""Laws of a session without any connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.protocol.errors import CloseConnection
from longwatch.serve.realtime.session import NOT_JSON, Session
from longwatch.serve.service import Service

if TYPE_CHECKING:
    from tests.support.service import Live


async def begun(live: Live) -> Session:
    """Return a session of a service of its own, on an engine that runs."""
    session = Session(Service(live.engine, live.settings, Metrics()))
    session.begin()
    return session


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ("evt_0", True),
        ("evt_1", True),
        ("evt_2", False),
        ("", False),
        ("evt_-1", False),
        ("x", False),
    ],
)
async def test_a_session_resumes_from_its_own_events_alone(
    tiny: Live, after: str, found: bool
) -> None:
    session = await begun(tiny)
    session.detach()
    assert session.resume(after) is found
    session.close()


async def test_tokens_are_never_the_same_and_are_not_the_sessions_name(tiny: Live) -> None:
    sessions = [await begun(tiny) for _ in range(20)]
    assert len({session.token for session in sessions}) == 20
    assert all(len(session.token) >= 32 for session in sessions)
    assert all(session.token not in session.id for session in sessions)


async def test_what_is_not_json_is_told_until_it_is_too_much(tiny: Live) -> None:
    session = await begun(tiny)
    before = session.outbox.last
    for _ in range(NOT_JSON - 1):
        session.take_text("{")
    with pytest.raises(CloseConnection) as told:
        session.take_text("{")
    assert told.value.code == 1007
    assert session.outbox.last == before + NOT_JSON
    session.take_text(json.dumps({"type": "lw.ping", "t": 1}))
    assert session.outbox.last == before + NOT_JSON + 1
