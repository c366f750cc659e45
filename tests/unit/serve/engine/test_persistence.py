"""Streams that outlive the process that reads them."""

from __future__ import annotations

import errno
from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from longwatch.errors import ConfigError, InputError, LimitError
from longwatch.memory.durable import files
from longwatch.serve.config import load_settings
from longwatch.serve.engine.engine import Engine
from longwatch.serve.engine.persistence import StreamPersistence, identity, open_persistence
from longwatch.serve.engine.settings import EngineSettings
from longwatch.serve.streams.settings import StreamSettings
from tests.support import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from longwatch.serve.streams.disk import DiskStats
    from longwatch.types import Frame

PICTURES = 1 << 20  # bytes of small pictures
KEPT = StreamSettings(fps=None, queue=64, on_full="block", window_tokens=60, persist=True)


@contextmanager
def serving(data: Path | None, model: tiny.TinyVideoLM | None = None) -> Iterator[Engine]:
    """Run an engine that keeps its streams in `data`, as a service does."""
    with open_persistence("" if data is None else str(data), PICTURES) as kept:
        engine = Engine(model or tiny.TinyVideoLM(), persistence=kept)
        engine.start()
        try:
            yield engine
        finally:
            engine.close()


def clip(first: int, end: int) -> list[Frame]:
    return [tiny.frame(i) for i in range(first, end)]


def disk(engine: Engine, name: str) -> DiskStats:
    kept = engine.stream(name).disk
    if kept is None:
        pytest.fail("the stream is kept")
    return kept.stats()


def texts(engine: Engine, name: str) -> list[str]:
    """Return answers that depend on every bit of what the stream holds."""
    moments = (None, engine.stream(name).memory.stats().newest_time)
    return [tiny.ask(engine, name, tiny.question(as_of=at)).text for at in moments]


@pytest.mark.parametrize("policy", ["longwatch", "window", "rekv", "livevlm", "infinipotv", "full"])
def test_a_restart_changes_no_answer(tmp_path: Path, policy: str) -> None:
    sized = None if policy in {"full", "livevlm", "infinipotv"} else 60
    settings = replace(KEPT, policy=policy, window_tokens=sized)
    with serving(None) as engine:
        tiny.feed(engine.open_stream("door", replace(settings, persist=False)), clip(0, 40))
        expected = texts(engine, "door")
    with serving(tmp_path) as engine:
        stream = engine.open_stream("door", settings)
        tiny.feed(stream, clip(0, 30))
        created, seen = stream.created, stream.memory.stats()
    with serving(tmp_path) as engine:
        again = engine.stream("door")
        assert (again.settings, again.created) == (settings, created)
        now = again.memory.stats()
        assert replace(now, archive_bytes=0) == replace(seen, archive_bytes=0)
        tiny.feed(again, clip(30, 40))
        assert texts(engine, "door") == expected


def test_only_streams_that_are_to_be_kept_are(tmp_path: Path) -> None:
    with serving(tmp_path) as engine:
        for name, settings in (("a", KEPT), ("b", replace(KEPT, persist=False)), ("c", KEPT)):
            tiny.feed(engine.open_stream(name, settings), clip(0, 3))
        engine.close_stream("c")
    with serving(tmp_path) as engine:
        assert [stream.name for stream in engine.streams()] == ["a"]
        engine.close_stream("a")
        tiny.feed(engine.open_stream("a", KEPT), clip(5, 6))  # at once, under the same name
    with serving(tmp_path) as engine:
        assert engine.stream("a").memory.stats().frames_seen == 1
    assert len(list((tmp_path / "streams").iterdir())) == 1


def test_dialogue_and_pictures_are_kept(tmp_path: Path) -> None:
    with serving(tmp_path) as engine:
        tiny.feed(engine.open_stream("door", KEPT), clip(0, 5))
        answered = tiny.ask(engine, "door", tiny.question("who?")).text
    with serving(tmp_path) as engine:
        kept = engine.stream("door").disk
        if kept is None:
            pytest.fail("the stream is kept")
        assert [told[1:] for told in kept.dialogue()] == [(2.0, "who?", answered)]
    with open_persistence(str(tmp_path), PICTURES) as again:
        catalogue = again._vault.catalogue  # type: ignore[union-attr]
        assert catalogue.thumbnail_times("door") == [0.0, 0.5, 1.0, 1.5, 2.0]
        (entry,) = catalogue.streams()
        assert (entry.last_time, entry.frames) == (2.0, 5)


def test_the_clock_goes_on_where_it_was(tmp_path: Path) -> None:
    with serving(tmp_path) as engine:
        tiny.feed(engine.open_stream("door", KEPT), clip(0, 5))
    with serving(tmp_path) as engine:
        again = engine.stream("door").timeline
        assert again.time == 2.0
        stamped = again.stamp(0.0, again._arrived + 30.0)  # a publisher that counts from zero
        assert stamped == pytest.approx(32.0)


def test_a_stream_of_another_model_is_refused_but_kept(tmp_path: Path) -> None:
    other = tiny.TinyVideoLM()
    with torch.no_grad():
        next(other.decoder._model.parameters()).add_(1)
    assert identity(other) != identity(tiny.TinyVideoLM())
    with serving(tmp_path) as engine:
        tiny.feed(engine.open_stream("door", KEPT), clip(0, 9))
        expected = texts(engine, "door")
    with serving(tmp_path, other) as engine:
        assert engine.streams() == []
        with pytest.raises(InputError, match="another model"):
            engine.open_stream("door", KEPT)
        tiny.feed(engine.open_stream("yard", KEPT), clip(0, 2))
    with serving(tmp_path) as engine:
        assert texts(engine, "door") == expected


def test_without_a_folder_nothing_can_be_kept() -> None:
    with serving(None) as engine, pytest.raises(InputError, match="--data"):
        engine.open_stream("door", KEPT)
    with pytest.raises(ConfigError, match="--data"):
        load_settings({"persist": True})
    assert StreamPersistence().unavailable == {}


def test_a_full_disk_is_said_and_streams_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = files.write_all, [True]

    def write(file: Any, data: bytes | memoryview) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "no space left")
        real(file, data)

    monkeypatch.setattr("longwatch.memory.durable.log.write_all", write)
    with serving(tmp_path) as engine:
        stream = engine.open_stream("door", KEPT)
        tiny.feed(stream, clip(0, 12))
        tiny.wait_for(lambda: disk(engine, "door").reason == "disk_full")
        expected = texts(engine, "door")
        full[0] = False
        tiny.wait_for(lambda: disk(engine, "door").state == "ok")
    with serving(tmp_path) as engine:
        assert texts(engine, "door") == expected


def test_streams_are_kept_as_long_as_the_disk_s_quota_has_blocks_for_them(tmp_path: Path) -> None:
    bounded = EngineSettings(server_disk_mb=1, max_streams=10_000)
    large = replace(KEPT, window_tokens=20_000)  # so a block is large, and few find room
    with open_persistence(str(tmp_path), PICTURES) as kept:
        engine = Engine(tiny.TinyVideoLM(), bounded, persistence=kept)
        with pytest.raises(LimitError, match="server_disk_mb") as refused:
            deque((engine.open_stream(str(n), large) for n in range(1000)), maxlen=0)
        assert refused.value.code == "storage_full"
        assert len(engine.streams()) > 1
        engine.open_stream("passing", replace(large, persist=False))
        engine.close_stream("0")
        engine.open_stream("again", large)
        engine.close()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with open_persistence(str(tmp_path), PICTURES):
        pass
    (tmp_path / "lock").unlink()
    (tmp_path / "lock").mkdir()
    with (
        pytest.raises(ConfigError, match="choose another folder"),
        open_persistence(str(tmp_path), PICTURES),
    ):
        pass
