"""`longwatch ask` against the real service; what it says of a stream is in `test_watch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longwatch.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Live


@pytest.fixture
def several(live: Live) -> Iterator[Live]:
    """Return the service with two streams more, so that it has not only one."""
    for name in ("ask-1", "ask-2"):
        live.engine.open_stream(name)
    yield live
    for name in ("ask-1", "ask-2"):
        live.engine.close_stream(name)


@pytest.mark.parametrize("question", [["--stream", "nowhere"], []])
def test_a_stream_that_is_not_clear_is_asked_for(
    several: Live, question: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", "what?", "--url", several.url, *question]) == 2
    assert "stream" in capsys.readouterr().err
