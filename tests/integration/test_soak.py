"""The service under everything at once, for SOAK_MINUTES (3): it goes on, and queues nothing.

SOAK_MINUTES=60 python -m pytest tests/integration/test_soak.py
"""

from __future__ import annotations

import os

import pytest

from tests.longrun.soak import DOWN, PUSHED, QUEUE_BYTES, Soaked, main

MINUTES = float(os.environ.get("SOAK_MINUTES", "3"))
SESSIONS = 16  # more than are ever open at once


@pytest.fixture(scope="module")
def soaked() -> Soaked:
    return main(MINUTES)


pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(MINUTES * 60 + 240)]


def test_everything_goes_on_until_the_end(soaked: Soaked) -> None:
    assert soaked.wrong == []
    assert soaked.answered == soaked.asked > 0
    assert soaked.cut > 0
    middle, end = soaked.used
    assert end > middle > 0
    assert {name: soaked.states[name] for name in PUSHED} == dict.fromkeys(PUSHED, "online")


def test_a_camera_that_is_down_is_tried_again(soaked: Soaked) -> None:
    assert soaked.states[DOWN] in {"connecting", "reconnecting"}
    assert {sample.children for sample in soaked.samples} <= {0, 1}


def test_who_does_not_read_is_hung_up_on(soaked: Soaked) -> None:
    assert soaked.slow > 0


def test_nothing_is_queued_without_bound(soaked: Soaked) -> None:
    assert max(sample.queued for sample in soaked.samples) <= QUEUE_BYTES * SESSIONS
    assert max(sample.waiting for sample in soaked.samples) <= 8


def test_descriptors_and_threads_are_flat(soaked: Soaked) -> None:
    for what in ("fds", "threads"):
        assert soaked.grown(what) <= 3 + 3 * soaked.noise(what)
    assert max(sample.fds for sample in soaked.samples) <= 128


def test_what_the_process_holds_is_flat(soaked: Soaked) -> None:
    """An allocator's pools still settle in minutes; answers that were never freed took 90 MiB."""
    assert soaked.grown("rss") <= 16 + 3 * soaked.noise("rss")
