"""When the parts of one answer happened."""

from __future__ import annotations

from longwatch.serve.answers.timer import AnswerTimer
from longwatch.serve.observability.observer import EngineObserver


class Tokens(EngineObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.firsts: list[float] = []
        self.nexts: list[float] = []

    def first_token(self, seconds: float) -> None:
        self.firsts.append(seconds)

    def next_token(self, seconds: float) -> None:
        self.nexts.append(seconds)


def test_what_has_not_happened_has_no_time() -> None:
    timing = AnswerTimer(EngineObserver()).timing()
    assert (timing.queue_ms, timing.prefill_ms, timing.ttft_ms) == (None, None, None)
    assert timing.total_ms >= 0


def test_the_parts_add_up_to_the_first_token() -> None:
    clock = AnswerTimer(EngineObserver())
    clock.begin()
    clock.mark()
    timing = clock.timing()
    assert timing.queue_ms is not None
    assert timing.prefill_ms is not None
    assert timing.ttft_ms is not None
    assert abs(timing.queue_ms + timing.prefill_ms - timing.ttft_ms) < 1e-6
    assert timing.ttft_ms <= timing.total_ms


def test_the_observer_learns_of_the_first_token_once_and_of_each_one_after_it() -> None:
    tokens = Tokens()
    clock = AnswerTimer(tokens)
    for _ in range(4):
        clock.mark()
    assert (len(tokens.firsts), len(tokens.nexts)) == (1, 3)
    assert min(tokens.firsts + tokens.nexts) >= 0
