"""The baseline that keeps everything."""

from __future__ import annotations

import pytest

from longwatch.compressors.keep_all import KeepAll
from longwatch.errors import ConfigError
from tests.compressors.clips import Clip, make, run


def test_keep_all_keeps_all() -> None:
    frames = make(Clip())
    for before, kept in zip(frames, run(KeepAll(), frames), strict=True):
        assert kept is before


def test_keep_all_has_no_share() -> None:
    assert KeepAll().at(1) == KeepAll()
    with pytest.raises(ConfigError, match="keep_all keeps every token"):
        KeepAll().at(0.5)
