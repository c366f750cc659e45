"""Checkpoints that the tests of this folder share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from transformers.utils import logging

from benchmarks import tiny
from longwatch.models.loader import load_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longwatch.models.base import VideoLM
    from longwatch.models.huggingface import Layout


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    logging.disable_progress_bar()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a family's name to the folder of its tiny checkpoint."""
    built: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in built:
            built[family] = tiny.build(family, tmp_path_factory.mktemp(family))
        return built[family]

    return folder


@pytest.fixture(scope="session")
def load(checkpoint: Callable[[str], Path]) -> Callable[..., VideoLM]:
    """Return a function that loads a family's tiny checkpoint, in fp32 unless told otherwise."""
    loaded: dict[tuple[str, Layout, str], VideoLM] = {}

    def model(family: str, layout: Layout = "timed", dtype: str = "float32") -> VideoLM:
        key = (family, layout, dtype)
        if key not in loaded:
            loaded[key] = load_model(str(checkpoint(family)), "cpu", dtype, layout=layout)
        return loaded[key]

    return model
