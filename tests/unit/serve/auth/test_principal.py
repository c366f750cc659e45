"""What a principal may, and who the running code works for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from longwatch.errors import ForbiddenError
from longwatch.serve.auth.principal import EVERYONE, NOBODY, Principal, acting_as, current

DOOR = Principal("k1", frozenset({"ask"}), ("door-*", "hall"))


def test_a_pattern_stands_for_names_and_a_name_for_itself() -> None:
    assert all(DOOR.sees(name) for name in ("door-1", "door-", "hall"))
    assert not any(DOOR.sees(name) for name in ("hall2", "Door-1", "backdoor-1", "*", ""))
    assert EVERYONE.sees("anything")
    assert not NOBODY.sees("anything")


def test_what_is_missing_is_said_and_nothing_else() -> None:
    DOOR.require("ask")
    DOOR.require(None)
    NOBODY.require(None)
    with pytest.raises(ForbiddenError, match="publish") as told:
        DOOR.require("publish")
    assert told.value.code == "scope_missing"
    with pytest.raises(ForbiddenError) as told:
        DOOR.require_stream("garage")
    assert told.value.code == "stream_not_allowed"
    assert "door" not in str(told.value)


async def test_tasks_work_for_whom_they_were_begun_and_threads_for_the_service() -> None:
    async def who() -> Principal:
        return current()

    seen: list[Principal] = []
    with acting_as(DOOR):
        task = asyncio.create_task(who())
        in_a_thread = asyncio.to_thread(current)
        own = threading.Thread(target=lambda: seen.append(current()))
        own.start()
        assert await in_a_thread is DOOR
    assert current() is EVERYONE
    assert await task is DOOR
    own.join()
    assert seen == [EVERYONE]
