"""Cameras and people against a live service with a tiny model."""

from __future__ import annotations

import asyncio

from benchmarks.load_traffic import Point, drive, jpegs
from longwatch.stream.decoding.images import decode_image
from longwatch.stream.limits import MediaLimits
from tests.support import tiny as t
from tests.support.service import serve


def test_the_same_seed_asks_the_same_and_every_answer_is_timed() -> None:
    point = Point(streams=2, rate=10.0, seconds=1.0, tokens=5, drain=30.0)
    with serve(t.TinyVideoLM(), max_parallel=64) as live:
        runs = [asyncio.run(drive(live.url, point, 3, f"run{i}")) for i in range(2)]
        left = live.engine.streams()
    assert len(runs[0].asked) == len(runs[1].asked) > 4
    for run in runs:
        for asked in run.asked:
            assert asked.good
            assert asked.tokens == 5
            assert asked.first is not None
            assert asked.end is not None
            assert asked.due <= asked.first <= asked.end
    assert left == []


def test_questions_that_are_refused_say_why() -> None:
    point = Point(streams=1, rate=60.0, seconds=0.5, tokens=4000, drain=0.2)
    with serve(t.TinyVideoLM(), max_questions=2, max_parallel=64) as live:
        run = asyncio.run(drive(live.url, point, 0, "a"))
    assert {asked.code for asked in run.asked} == {None, "overloaded"}
    assert not any(asked.good for asked in run.asked)


def test_pictures_are_small_and_decode() -> None:
    found = jpegs(3, 0)
    assert len(set(found)) == 3
    assert decode_image(found[0], MediaLimits()).shape == (240, 320, 3)
