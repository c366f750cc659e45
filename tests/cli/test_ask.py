"""`longwatch ask` against the real service; what it says of a stream is in `test_watch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from longwatch.cli.main import run

if TYPE_CHECKING:
    from tests.serve.conftest import Live


@pytest.mark.parametrize("question", [["--stream", "nowhere"], []])
def test_a_stream_that_is_not_clear_is_asked_for(
    live: Live, question: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", "what?", "--url", live.url, *question]) == 2
    assert "stream" in capsys.readouterr().err
