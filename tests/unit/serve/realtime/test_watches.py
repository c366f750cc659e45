"""Laws of the watches as one session sees them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest

from longwatch.errors import NotFoundError
from longwatch.serve.realtime.messages import WatchAttach, WatchCreate, WatchDelete
from longwatch.serve.realtime.watches import Watches
from longwatch.serve.watches.registry import WatchRegistry
from longwatch.serve.watches.scheduler import CheckScheduler
from longwatch.serve.watches.watch import Watch, WatchSettings

if TYPE_CHECKING:
    from longwatch.serve.realtime.outbox import Outbox


class Sent:
    """Collects what is sent to a client."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def put(self, event: dict[str, Any]) -> None:
        self.events.append(event)


ASKED = WatchCreate(type="lw.watch.create", condition="a dog", streams=["hall"])


def sessions_of(table: WatchRegistry) -> tuple[dict[str, Watches], dict[str, Sent]]:
    """Return a maker's session, a follower's of `hall` and a stranger's, and what each is sent."""
    own: dict[str, list[str]] = {"maker": [], "follower": ["hall"], "stranger": ["door"]}
    sent = {name: Sent() for name in own}
    made = {
        name: Watches(table, cast("Outbox", sent[name]), partial(own.__getitem__, name))
        for name in own
    }
    return made, sent


def test_a_firing_goes_to_who_made_the_watch_and_who_follows_the_stream() -> None:
    table = WatchRegistry(CheckScheduler())
    sessions, sent = sessions_of(table)
    sessions["maker"].handle(ASKED)
    (watch,) = table.all()
    table.tell("lw.watch.fired", watch, {"stream": "hall"})
    assert sent["maker"].kinds == ["lw.watch.created", "lw.watch.fired"]
    assert sent["follower"].kinds == ["lw.watch.fired"]
    assert not sent["stranger"].kinds
    sessions["maker"].close()
    table.tell_state(watch.id)
    assert len(sent["maker"].kinds) == 2
    assert sent["follower"].kinds[-1] == "lw.watch.state"


def test_all_who_follow_a_watch_learn_once_that_it_was_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = WatchRegistry(CheckScheduler())
    sessions, sent = sessions_of(table)
    sessions["maker"].handle(ASKED)
    (watch,) = table.all()
    gone = WatchDelete(type="lw.watch.delete", watch_id=watch.id, event_id="d1")
    sessions["follower"].handle(gone)
    told = [(event["type"], event["cause"]) for event in sent["follower"].events]
    assert told == [("lw.watch.deleted", "d1")]
    with pytest.raises(NotFoundError):
        sessions["follower"].handle(gone)
    assert sent["maker"].kinds == ["lw.watch.created", "lw.watch.deleted"]
    assert sent["maker"].events[-1]["watch_id"] == watch.id
    assert not sent["stranger"].kinds
    sessions["maker"].handle(ASKED)
    (other,) = table.all()
    refused = gone.model_copy(update={"watch_id": other.id})
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "shown_to", lambda *_: False)  # as to a key without this watch
        with pytest.raises(NotFoundError):
            sessions["follower"].handle(refused)
    table.delete(other.id)  # over HTTP, for example
    for name in ("maker", "follower"):
        last = sent[name].events[-1]
        assert (last["type"], last["watch_id"]) == ("lw.watch.deleted", other.id)


@pytest.mark.parametrize(("after", "missed"), [(0, [1, 2, 3]), (2, [3]), (3, []), (None, [])])
def test_a_session_that_comes_later_hears_what_it_missed_and_what_comes(
    after: int | None, missed: list[int]
) -> None:
    table, sent = WatchRegistry(CheckScheduler()), Sent()
    watch = table.create(WatchSettings("a dog"))
    for number in (1, 2, 3):
        watch = replace(watch, fired=number)
        table.put(watch, firing={"watch_id": watch.id, "number": number, "stream": "hall"})
    later = Watches(table, cast("Outbox", sent), list)
    table.tell("lw.watch.fired", watch, {"number": 3, "stream": "hall"})
    assert not sent.events
    later.handle(WatchAttach(type="lw.watch.attach", watch_id=watch.id, after=after, event_id="c1"))
    assert [event["number"] for event in sent.events[:-1]] == missed
    assert sent.events[-1]["type"] == "lw.watch.attached"
    assert (sent.events[-1]["cause"], sent.events[-1]["watch"]["fired"]) == ("c1", 3)
    table.tell("lw.watch.fired", watch, {"number": 4, "stream": "hall"})
    assert sent.events[-1]["number"] == 4
    later.handle(WatchDelete(type="lw.watch.delete", watch_id=watch.id))
    with pytest.raises(NotFoundError):
        later.handle(WatchAttach(type="lw.watch.attach", watch_id=watch.id, after=0))
    assert table.firings(watch.id, 0) == []
