"""Log lines."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.observability.context import log_context
from longwatch.serve.observability.logs import configure_logs
from tests.support.logs import restored

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    with restored():
        yield


def test_a_json_line_holds_the_ids_the_extras_and_the_error() -> None:
    out = io.StringIO()
    configure_logs("json", "info", out)
    log = logging.getLogger("longwatch.test")
    with log_context(session="sess_1"):
        log.info("frame %d", 7, extra={"code": "x"})
    log.debug("not shown")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("broken")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["event"], first["session"], first["code"]) == ("frame 7", "sess_1", "x")
    assert (first["level"], first["logger"]) == ("info", "longwatch.test")
    assert "session" not in second
    assert "ValueError: why" in second["exception"]


def test_a_text_line_shows_what_was_said_and_its_fields() -> None:
    out = io.StringIO()
    configure_logs("text", "warning", out)
    logging.getLogger("longwatch.test").warning("something", extra={"code": "a\nb"})
    logging.getLogger("longwatch.test").info("not shown")
    line = out.getvalue()
    assert "something" in line
    assert "code='a\\nb'" in line
    assert "not shown" not in line


def test_a_traceback_tells_the_way_and_no_values() -> None:
    out = io.StringIO()
    configure_logs("text", "info", out)
    secret = "pass" + "word"
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("longwatch.test").exception("broken")
    assert "ValueError: why" in out.getvalue()
    assert secret not in out.getvalue()
