"""How a stream is set up."""

from __future__ import annotations

import pytest

from longwatch.errors import ConfigError
from longwatch.serve.realtime.messages import PullSource, PushSource, StreamPolicy, asked_settings
from longwatch.serve.streams.presets import PRESETS
from longwatch.serve.streams.settings import StreamSettings
from tests.support.tiny import TinyVideoLM

DEFAULTS = StreamSettings(fps=3.0, queue=5)


def test_what_is_left_out_is_the_service_s() -> None:
    for source in (None, PushSource(), PullSource(kind="pull", url="rtsp://h/")):
        assert DEFAULTS.overridden(asked_settings(StreamPolicy(), source)) == DEFAULTS


def test_what_is_said_wins_over_a_preset_and_that_over_the_service() -> None:
    policy = StreamPolicy(preset="streamingtom", compressor="dtd", queue=7)
    found = DEFAULTS.overridden(asked_settings(policy, PushSource(fps=None)))
    assert (found.compressor, found.queue, found.fps) == ("dtd", 7, None)
    assert found.policy == PRESETS["streamingtom"].settings()["policy"]
    windowed = asked_settings(StreamPolicy(memory="window"), None)
    assert DEFAULTS.overridden(windowed).policy == "window"


def test_what_is_not_known_is_refused() -> None:
    for policy in (StreamPolicy(preset="nothing"), StreamPolicy(memory="nothing")):
        with pytest.raises(ConfigError):
            DEFAULTS.overridden(asked_settings(policy, None))


def test_a_publisher_is_told_how_its_stream_is_set_up() -> None:
    model = TinyVideoLM()
    told = DEFAULTS.describe(model.window_tokens)
    assert (told["queue"], told["window_tokens"]) == (5, model.window_tokens)
