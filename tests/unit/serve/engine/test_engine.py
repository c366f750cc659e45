"""Laws of the engine, on a tiny random model and real threads."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from longwatch.errors import (
    ClosedError,
    ConfigError,
    EmptyStreamError,
    InputError,
    LimitError,
    NotFoundError,
)
from longwatch.serve.answers.types import Delta, Done, Started
from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.settings import EngineSettings
from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.settings import StreamSettings
from tests.support import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longwatch.serve.answers.types import AnswerEvent
    from longwatch.types import Frame, VisualTokens

ALL = StreamSettings(fps=None, queue=64, on_full="block")


@pytest.fixture(scope="module")
def model() -> tiny.TinyVideoLM:
    return tiny.TinyVideoLM()


@pytest.fixture
def engine(model: tiny.TinyVideoLM) -> Iterator[Engine]:
    engine = Engine(model)
    engine.start()
    yield engine
    engine.close()


def clip(count: int, first: int = 0, seed: int = 0) -> list[Frame]:
    return [tiny.frame(i, seed=seed) for i in range(first, first + count)]


def test_an_answer_is_its_pieces_between_a_start_and_an_end(engine: Engine) -> None:
    tiny.feed(engine.open_stream("a", ALL), clip(3))
    listener = tiny.Listener()
    engine.ask("a", tiny.question(tokens=5), listener)
    done = listener.done()
    started, *pieces, last = listener.events
    assert started == Started(as_of=1.0, queue_position=0)
    assert last is done
    assert done.text == "".join(p.text for p in pieces if isinstance(p, Delta))
    assert len(done.text) == done.usage.output_tokens == 5
    assert (done.status, done.reason, done.as_of) == ("incomplete", "max_output_tokens", 1.0)
    assert done.usage.context_tokens == engine.stream("a").stats().memory.tokens_stored
    timing = done.timing
    assert timing.queue_ms is not None
    assert timing.prefill_ms is not None
    assert timing.ttft_ms is not None
    assert 0 <= timing.queue_ms + timing.prefill_ms <= timing.ttft_ms + 1 <= timing.total_ms + 1


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_the_size_of_a_step_never_changes_an_answer(model: tiny.TinyVideoLM, chunk: int) -> None:
    texts = []
    for tokens in (chunk, 1000):
        engine = Engine(model, EngineSettings(chunk_tokens=tokens))
        engine.start()
        tiny.feed(engine.open_stream("a", ALL), clip(6))
        texts.append(tiny.ask(engine, "a").text)
        engine.close()
    assert texts[0] == texts[1]


def test_answers_on_one_stream_at_once_equal_the_same_one_by_one(engine: Engine) -> None:
    tiny.feed(engine.open_stream("a", ALL), clip(6))
    asked = [tiny.question(f"question {i}", tokens=4 + i) for i in range(8)]
    alone = [tiny.ask(engine, "a", q).text for q in asked]
    assert len(set(alone)) > 1
    listeners = [tiny.Listener() for _ in asked]
    for q, listener in zip(asked, listeners, strict=True):
        engine.ask("a", q, listener)
    assert [x.done().text for x in listeners] == alone


def test_frames_that_arrive_while_an_answer_runs_do_not_change_it(engine: Engine) -> None:
    stream = engine.open_stream("a", ALL)
    tiny.feed(stream, clip(6))
    expected = tiny.ask(engine, "a", tiny.question(tokens=200)).text
    listener = tiny.Listener()
    engine.ask("a", tiny.question(tokens=200), listener)
    for item in clip(100, first=6):
        stream.offer(item)
    done = listener.done()
    assert done.text == expected
    tiny.wait_for(lambda: stream.stats().frames_read == 106)
    assert done.as_of == 2.5
    assert tiny.ask(engine, "a", tiny.question(tokens=200)).text != expected


def test_streams_on_one_model_never_change_each_other(engine: Engine) -> None:
    tiny.feed(engine.open_stream("alone", ALL), clip(5))
    expected = tiny.ask(engine, "alone").text
    streams = [engine.open_stream(name, ALL) for name in ("one", "two", "three")]
    for i in range(5):
        for seed, stream in enumerate(streams):
            stream.offer(tiny.frame(i, seed=seed))
    for stream in streams:
        tiny.wait_for(lambda stream=stream: stream.stats().frames_read == 5)  # type: ignore[misc]
    texts = [tiny.ask(engine, s.name).text for s in streams]
    assert texts[0] == expected
    assert len(set(texts)) == 3


def test_a_question_sees_exactly_the_frames_committed_before_it(engine: Engine) -> None:
    stream = engine.open_stream("a", ALL)
    for i in range(4):
        tiny.feed(stream, [tiny.frame(i)])
        assert tiny.ask(engine, "a").as_of == i / 2
    assert tiny.ask(engine, "a", tiny.question(as_of=1.2)).as_of == 1.0


def test_a_cancel_stops_within_two_steps(engine: Engine) -> None:
    tiny.feed(engine.open_stream("a", ALL), clip(2))
    listener, asked = tiny.Listener(), threading.Event()

    def cancel_at_the_third_piece(event: AnswerEvent) -> None:
        listener(event)
        if sum(isinstance(e, Delta) for e in listener.events) == 3:
            asked.wait(tiny.DEADLINE)
            answer.cancel()

    answer = engine.ask("a", tiny.question(tokens=4000), cancel_at_the_third_piece)
    asked.set()
    done = listener.done()
    assert (done.status, done.reason) == ("cancelled", "client_cancelled")
    assert 3 <= done.usage.output_tokens <= 5
    answer.cancel()


def test_frames_are_read_while_many_answers_run(engine: Engine) -> None:
    """Answers that never end on their own do not keep a frame out."""
    stream = engine.open_stream("a", ALL)
    tiny.feed(stream, clip(2))
    answers = [engine.ask("a", tiny.question(tokens=4000), tiny.Listener()) for _ in range(8)]
    tiny.feed(stream, clip(10, first=2))
    assert not any(a.done for a in answers)
    for answer in answers:
        answer.cancel()


def test_a_full_buffer_drops_the_oldest_and_counts_it(engine: Engine) -> None:
    stream = engine.open_stream("a", StreamSettings(queue=2))
    tiny.feed(stream, clip(1))
    holding, held = threading.Event(), threading.Event()

    def hold(event: AnswerEvent) -> None:
        if isinstance(event, Delta):
            holding.set()
            held.wait(tiny.DEADLINE)

    engine.ask("a", tiny.question(tokens=1), hold)
    assert holding.wait(tiny.DEADLINE)
    for item in clip(10, first=1):
        stream.offer(item)
    held.set()
    tiny.wait_for(lambda: stream.stats().dropped_busy + stream.stats().frames_read == 11)
    assert stream.memory.snapshot().as_of == 5.0
    assert stream.stats().dropped_busy >= 7


def test_a_frame_that_cannot_be_read_leaves_no_trace(model: tiny.TinyVideoLM) -> None:
    class Fragile(tiny.TinyVideoLM):
        def encode(self, frames: object) -> list[VisualTokens]:
            if frames[0].index == 1:  # type: ignore[index]
                raise RuntimeError("the tower fell over")
            return model.encode(frames)  # type: ignore[arg-type]

    codes: list[str] = []

    class Codes(EngineObserver):
        def frame_failed(self, stream: str, code: str) -> None:
            codes.append(code)

    texts = []
    for which in (Fragile(), model):
        engine = Engine(which, observer=Codes())
        engine.start()
        stream = engine.open_stream("a", ALL)
        for item in clip(4) if which is not model else [f for f in clip(4) if f.index != 1]:
            stream.offer(item)
        tiny.wait_for(lambda stream=stream: stream.stats().frames_read == 3)  # type: ignore[misc]
        texts.append(tiny.ask(engine, "a").text)
        engine.close()
    assert texts[0] == texts[1]
    assert codes == ["model_error"]


@pytest.mark.parametrize("kind", [Started, Delta, Done])
def test_a_listener_that_fails_ends_its_own_answer_only(
    engine: Engine, kind: type[AnswerEvent]
) -> None:
    tiny.feed(engine.open_stream("a", ALL), clip(2))
    expected = tiny.ask(engine, "a").text

    def broken(event: AnswerEvent) -> None:
        if isinstance(event, kind):
            raise RuntimeError("the listener fell over")

    answer = engine.ask("a", tiny.question(tokens=4000 if kind is not Done else 1), broken)
    tiny.wait_for(lambda: answer.done)
    assert tiny.ask(engine, "a").text == expected
    assert engine.alive


def test_a_late_frame_is_counted_and_not_read(engine: Engine) -> None:
    stream = engine.open_stream("a", ALL)
    tiny.feed(stream, clip(3))
    stream.offer(tiny.frame(9, at=0.3))
    tiny.wait_for(lambda: stream.stats().frames_late == 1)
    assert stream.stats().frames_read == 3


def test_close_ends_answers_and_says_why(model: tiny.TinyVideoLM) -> None:
    engine = Engine(model)
    engine.start()
    tiny.feed(engine.open_stream("a", ALL), clip(2))
    listener = tiny.Listener()
    engine.ask("a", tiny.question(tokens=4000), listener)
    engine.close()
    done = listener.done()
    assert (done.status, done.reason) == ("failed", "closed")
    assert not engine.alive
    with pytest.raises(ClosedError, match="stopping"):
        engine.ask("a", tiny.question(), listener)
    engine.close()


def test_a_closed_stream_is_forgotten_and_its_answers_go_on(engine: Engine) -> None:
    tiny.feed(engine.open_stream("a", ALL), clip(4))
    expected = tiny.ask(engine, "a", tiny.question(tokens=100)).text
    listener = tiny.Listener()
    engine.ask("a", tiny.question(tokens=100), listener)
    engine.close_stream("a")
    assert listener.done().text == expected
    with pytest.raises(NotFoundError, match="open it first"):
        engine.ask("a", tiny.question(), listener)


def test_what_cannot_be_asked_is_refused_before_anything_is_queued(engine: Engine) -> None:
    stream = engine.open_stream("a", ALL)
    with pytest.raises(EmptyStreamError, match="no frame has been read"):
        engine.ask("a", tiny.question(), tiny.Listener())
    tiny.feed(stream, clip(2))
    with pytest.raises(EmptyStreamError, match="no frame up to -1"):
        engine.ask("a", tiny.question(as_of=-1.0), tiny.Listener())
    with pytest.raises(InputError, match="begin a new conversation"):
        engine.ask("a", tiny.question("x" * 9000), tiny.Listener())
    with pytest.raises(InputError, match="lower it"):
        engine.ask("a", tiny.question(tokens=5000), tiny.Listener())


def test_more_questions_than_allowed_are_refused(model: tiny.TinyVideoLM) -> None:
    engine = Engine(model, EngineSettings(max_questions=2))
    engine.start()
    tiny.feed(engine.open_stream("a", ALL), clip(2))
    answers = [engine.ask("a", tiny.question(tokens=4000), tiny.Listener()) for _ in range(2)]
    with pytest.raises(LimitError, match="limit"):
        engine.ask("a", tiny.question(), tiny.Listener())
    for answer in answers:
        answer.cancel()
    tiny.wait_for(lambda: all(a.done for a in answers))
    engine.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"frame_share": 0.0},
        {"chunk_tokens": 0},
        {"max_streams": 0},
        {"max_questions": 0},
        {"answer_batch": 0},
        {"frame_batch": -1},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        EngineSettings(**settings)  # type: ignore[arg-type]


def test_streams_are_let_in_as_long_as_the_quota_has_blocks_for_them(
    model: tiny.TinyVideoLM,
) -> None:
    engine = Engine(model, EngineSettings(server_host_mb=1, max_streams=10_000))
    names = map(str, range(10_000))
    with pytest.raises(LimitError, match="server_host_mb") as refused:
        deque((engine.open_stream(name, ALL) for name in names), maxlen=0)
    assert refused.value.code == "memory_full"
    assert len(engine.streams()) > 10
    engine.close_stream("0")
    engine.open_stream("again", ALL)
    engine.close()


def test_streams_of_an_engine_share_its_quota(model: tiny.TinyVideoLM) -> None:
    settings = replace(ALL, window_tokens=8, sinks=0)
    engine = Engine(model, EngineSettings(server_host_mb=1))
    engine.start()
    for name in ("a", "b"):
        tiny.feed(engine.open_stream(name, settings), clip(30))
    held = sum(stream.memory.stats().host_bytes for stream in engine.streams())
    assert 0 < engine.quota.used.host <= held <= 1 << 20
    engine.close_stream("a")
    assert 0 < engine.quota.used.host < held
    engine.close()
