"""What all connections share."""

from __future__ import annotations

import pytest

from longwatch.errors import ConfigError, InputError, LimitError, NotFoundError
from longwatch.serve.config import Settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.observability.metrics import Metrics
from longwatch.serve.publishing.feeds import Feed
from longwatch.serve.service import Service
from tests.support.tiny import TinyVideoLM

FORM = "image"


@pytest.fixture
def service() -> Service:
    return Service(Engine(TinyVideoLM()), Settings(max_sessions=2, max_streams=2), Metrics())


def test_sessions_are_counted_and_limited(service: Service) -> None:
    service.enter()
    service.enter()
    with pytest.raises(LimitError):
        service.enter()
    service.leave(1000)
    service.enter()
    assert service.sessions == 2


def test_only_the_model_that_is_there_may_be_named(service: Service) -> None:
    for name in (None, "", "tiny"):
        service.check_model(name)
    with pytest.raises(NotFoundError):
        service.check_model("other")


async def test_a_stream_has_one_publisher_after_another(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    feeds, settings, states = service.feeds, service.settings.stream, []
    feed, first = feeds.open("a", FORM, settings, lambda _: None)
    feed.watch(lambda feed: states.append((feed.state, feed.reason)))
    with pytest.raises(InputError):
        feeds.open("a", FORM, settings, lambda _: None)
    feed.release("publisher_left")
    again, second = feeds.open("a", FORM, settings, lambda _: None)
    assert (again, first is second, feed.epoch) == (feed, False, 2)
    second.feed(b"no picture")
    feed.end()
    feeds.open("a", FORM, settings, lambda _: None)  # who has sent all stands in nobody's way
    assert feed.json()["received"] == 1
    feeds.discard("a")
    assert states == [
        ("offline", "publisher_left"),
        ("online", None),
        ("ended", "publisher_ended"),
        ("online", None),
        ("offline", "closed"),
        ("ended", "discarded"),
    ]
    logged = [r for r in caplog.records if r.__dict__.get("stream") == "a"]
    told = [f"stream {state}" for state in ("online", *(state for state, _ in states))]
    assert [record.getMessage() for record in logged] == told
    await feeds.close()
    await feed.closed()
    assert first.join(0)
    assert second.join(0)


async def test_a_stream_that_cannot_be_fed_is_not_made(service: Service) -> None:
    with pytest.raises(ConfigError):
        service.feeds.open("a", "gif", service.settings.stream, lambda _: None)
    assert service.feeds.all() == []
    service.engine.open_stream("b")
    with pytest.raises(ConfigError):
        service.feeds.open("b", "gif", service.settings.stream, lambda _: None)
    assert [feed.name for feed in service.feeds.all()] == ["b"]


def test_a_stream_of_the_same_name_is_another_one(service: Service) -> None:
    service.engine.open_stream("a")
    before = service.feeds.get("a")
    service.engine.close_stream("a")
    service.engine.open_stream("a")
    after = service.feeds.get("a")
    assert isinstance(after, Feed)
    assert after is not before


def test_a_feed_counts_nothing_before_something_came(service: Service) -> None:
    service.engine.open_stream("a")
    state = service.feeds.get("a").json()
    assert state["received"] == state["used"] == state["queue"] == 0
    assert state["memory"]["span_s"] is None
