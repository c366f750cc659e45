"""What the service's flags make of a stream."""

from __future__ import annotations

import pytest

from longwatch.serve.config import Settings
from longwatch.serve.streams.presets import PRESETS
from longwatch.serve.streams.settings import StreamSettings


def test_without_a_flag_a_stream_is_as_it_is_by_itself() -> None:
    assert Settings().stream == StreamSettings()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_gives_way_to_what_is_named_beside_it(name: str) -> None:
    named = PRESETS[name].settings()
    made = Settings(preset=name).stream
    assert {key: getattr(made, key) for key in named} == named
    mixed = Settings(preset=name, policy="window", sinks=3).stream
    assert (mixed.policy, mixed.sinks, mixed.compressor) == ("window", 3, named["compressor"])


def test_zero_leaves_a_choice_to_the_method() -> None:
    made = Settings(fps=0, window_tokens=0, memory_mb=0, keep=0, token_rate=0, gate=0).stream
    chosen = (made.fps, made.window_tokens, made.memory_mb, made.keep, made.token_rate, made.gate)
    assert chosen == (None,) * 6
