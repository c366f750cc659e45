"""Every preset is a stream that works."""

from __future__ import annotations

import pytest

from longwatch.serve.observability.observer import EngineObserver
from longwatch.serve.streams.presets import PRESETS
from longwatch.serve.streams.settings import StreamSettings
from longwatch.serve.streams.stream import Stream
from tests.support import tiny


@pytest.mark.parametrize("name", PRESETS)
def test_a_stream_with_a_preset_reads_and_can_be_asked(name: str) -> None:
    settings = StreamSettings(**PRESETS[name].settings())  # type: ignore[arg-type]
    model = tiny.TinyVideoLM()
    stream = Stream("a", settings, model, EngineObserver(), lambda: None)
    for i in range(6):
        list(tiny.read(model, stream, tiny.frame(i)))
    assert stream.stats().frames_read == 6
    assert stream.snapshot().as_of == 2.5


def test_the_default_of_the_service_is_a_preset() -> None:
    ours = StreamSettings(**PRESETS["longwatch"].settings())  # type: ignore[arg-type]
    assert ours == StreamSettings()
