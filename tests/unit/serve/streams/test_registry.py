"""The table of streams."""

from __future__ import annotations

import pytest

from longwatch.errors import InputError, LimitError, NotFoundError
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.registry import StreamRegistry
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.streams.stream import Stream
from tests.support import tiny


@pytest.fixture(scope="module")
def model() -> tiny.TinyVideoLM:
    return tiny.TinyVideoLM()


def make(model: tiny.TinyVideoLM, name: str) -> Stream:
    return Stream(name, StreamSettings(), model, EngineObserver(), lambda: None)


def test_streams_are_unique_and_limited(model: tiny.TinyVideoLM) -> None:
    streams = StreamRegistry(2)
    first = streams.add(make(model, "a"))
    with pytest.raises(InputError, match="already"):
        streams.add(make(model, "a"))
    streams.add(make(model, "b"))
    with pytest.raises(LimitError, match="limit"):
        streams.add(make(model, "c"))
    assert streams.remove("a") is first
    streams.add(make(model, "c"))
    assert [s.name for s in streams.all()] == ["b", "c"]


@pytest.mark.parametrize("name", ["", "-x", "a/b", "a b", "x" * 65, "é", "a\n"])
def test_a_name_is_a_plain_word(model: tiny.TinyVideoLM, name: str) -> None:
    with pytest.raises(InputError, match="not a name"):
        StreamRegistry(2).add(make(model, name))


def test_an_unknown_name_is_answered_with_the_known_ones(model: tiny.TinyVideoLM) -> None:
    streams = StreamRegistry(2)
    streams.add(make(model, "a"))
    for call in (streams.get, streams.remove):
        with pytest.raises(NotFoundError, match="open now: a"):
            call("b")
