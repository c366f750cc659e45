"""A real service for the client to talk to, with a tiny model that talks long."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from tests.support.service import serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Live


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """Serve the tiny model."""
    with serve(TinyVideoLM()) as running:
        yield running


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    """Return a stream's name that no other test uses."""
    return f"s{crc32(request.node.nodeid.encode()):x}"
