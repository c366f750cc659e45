"""All client events together."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from longwatch.serve.realtime.messages import CLIENT_EVENTS, ClientEvent

if TYPE_CHECKING:
    from pydantic import BaseModel

EVENTS: list[type[BaseModel]] = list(get_args(ClientEvent))


def kind(event: type[BaseModel]) -> str:
    return str(get_args(event.model_fields["type"].annotation)[0])


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_an_event_s_type_is_its_own_and_it_may_carry_an_id(event: type[BaseModel]) -> None:
    assert [other for other in EVENTS if kind(other) == kind(event)] == [event]
    assert "event_id" in event.model_fields


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.__name__)
def test_our_objects_refuse_what_they_do_not_know_and_openai_s_ignore_it(
    event: type[BaseModel],
) -> None:
    ours = kind(event).startswith("lw.")
    assert event.model_config.get("extra") == ("forbid" if ours else "ignore")


def test_the_schema_that_is_published_names_every_event() -> None:
    mapping = CLIENT_EVENTS.json_schema()["discriminator"]["mapping"]
    assert set(mapping) == {kind(event) for event in EVENTS}
