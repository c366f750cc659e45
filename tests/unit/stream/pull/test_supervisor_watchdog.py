"""Whether a source still lives."""

from __future__ import annotations

from longwatch.stream.pull.frame_ring import Counts
from longwatch.stream.pull.settings import PullSettings
from longwatch.stream.pull.supervisor import Watchdog


def frames(decoded: int, last: float, damaged: int = 0) -> Counts:
    return Counts(decoded=decoded, last=last, damaged=damaged)


def test_a_source_stalls_and_comes_back_or_is_given_up() -> None:
    dog = Watchdog(PullSettings())
    assert dog.verdict(frames(1, 100.0), 100.0) is None
    assert dog.verdict(frames(20, 102.0), 102.0) is None
    assert dog.good_s == 2.0
    assert dog.verdict(frames(20, 102.0), 105.5) is None
    stalled = [dog.stalled]
    assert dog.verdict(frames(21, 105.6), 105.6) is None
    assert [*stalled, dog.stalled] == [True, False]
    verdict = dog.verdict(frames(21, 105.6), 116.0)
    assert verdict is not None
    assert verdict[0] == "source_stalled"
    damaged = dog.verdict(frames(21, 105.6, damaged=40), 116.0)
    assert damaged is not None
    assert damaged[0] == "source_corrupt"


def test_a_slow_source_is_not_stalled_between_its_frames() -> None:
    dog = Watchdog(PullSettings())
    for n in range(10):
        assert dog.verdict(frames(n + 1, n * 5.0), n * 5.0) is None
    assert dog.verdict(frames(10, 45.0), 45.0 + 14.9) is None
    assert not dog.stalled
    assert dog.verdict(frames(10, 45.0), 45.0 + 15.1) is not None


def test_a_first_frame_is_waited_for_longer_once_a_source_is_open() -> None:
    dog = Watchdog(PullSettings(open_s=2, first_frame_s=30))
    assert dog.verdict(Counts(), 100.0) is None
    assert dog.verdict(Counts(), 105.0) is None
    assert dog.verdict(Counts(), 107.0) is not None
    dog.opened = True
    assert dog.verdict(Counts(damaged=99), 129.0) is None
    verdict = dog.verdict(Counts(damaged=99), 131.0)
    assert verdict is not None
    assert verdict[0] == "source_corrupt"
