"""A real service on the bundled model, for the command line to talk to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from longwatch.models.loader import load_model
from tests.support.logs import restored
from tests.support.service import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Live


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """Serve the bundled model."""
    with serve(load_model("bundled")) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Undo what a verb does to the logs of this process."""
    with restored():
        yield


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer's shell sets out of the tests."""
    for name in os.environ:
        if name.startswith("LONGWATCH_"):
            monkeypatch.delenv(name)
