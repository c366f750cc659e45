"""Laws of what a watch is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from longwatch.errors import InputError
from longwatch.serve.watches.watch import Watch, WatchSettings, Webhook


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": " "},
        {"condition": "?!"},
        {"condition": "x" * 501},
        {"streams": ()},
        {"streams": ("",)},
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"threshold": float("nan")},
        {"cooldown_s": -1.0},
        {"min_duration_s": float("nan")},
        {"min_duration_s": 1e9},
        {"until": -1.0},
    ],
)
def test_a_field_out_of_range_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        WatchSettings(**{"condition": "a dog", **wrong})
    assert refused.value.param == next(iter(wrong))


def test_streams_are_meant_by_name_or_by_pattern() -> None:
    settings = WatchSettings("a dog", streams=("hall", "door-*"))
    assert [settings.covers(name) for name in ("hall", "door-1", "hallway")] == [True, True, False]
    assert WatchSettings("a dog").covers("anything")


def test_a_secret_is_never_told() -> None:
    settings = WatchSettings("a dog", webhook=Webhook("https://host/hook", "s3cret"))
    watch = Watch("watch_1", settings, 0.0)
    assert "s3cret" not in repr(watch)
    assert "s3cret" not in str(watch.json())
    assert watch.json()["webhook"] == {"url": "https://host/hook", "signed": True}


def test_a_watch_ends_when_its_time_is_over() -> None:
    watch = Watch("watch_1", WatchSettings("a dog", until=100.0), 0.0)
    assert watch.at(99.0).state == "armed"
    assert watch.at(100.0).state == "ended"
    assert replace(watch, fired=2).state == "fired"
    assert not replace(watch, paused=True).active
