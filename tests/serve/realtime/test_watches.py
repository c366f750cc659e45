"""Laws of the watches as one session sees them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from longwatch.serve.realtime.messages import WatchCreate
from longwatch.serve.realtime.watches import Watches
from longwatch.serve.watches.rota import Rota
from longwatch.serve.watches.table import Table

if TYPE_CHECKING:
    from longwatch.serve.realtime.outbox import Outbox


class Sent:
    """Collects what is sent to a client."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def put(self, event: dict[str, Any]) -> None:
        self.kinds.append(event["type"])


def test_a_firing_goes_to_who_made_the_watch_and_who_follows_the_stream() -> None:
    table, sent = Table(Rota()), {name: Sent() for name in ("maker", "follower", "stranger")}
    own: dict[str, list[str]] = {"maker": [], "follower": ["hall"], "stranger": ["door"]}
    sessions = {
        name: Watches(table, cast("Outbox", sent[name]), name, partial(own.__getitem__, name))
        for name in sent
    }
    asked = WatchCreate(type="lw.watch.create", condition="a dog", streams=["hall"])
    sessions["maker"].handle(asked)
    (watch,) = table.all()
    table.tell("lw.watch.fired", watch, {"stream": "hall"})
    assert sent["maker"].kinds == ["lw.watch.created", "lw.watch.fired"]
    assert sent["follower"].kinds == ["lw.watch.fired"]
    assert not sent["stranger"].kinds
    sessions["maker"].close()
    table.tell_state(watch.id)
    assert len(sent["maker"].kinds) == 2
    assert sent["follower"].kinds[-1] == "lw.watch.state"
