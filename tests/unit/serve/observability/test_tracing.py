"""Tracing where nobody wants it, and what it needs where somebody does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from longwatch.errors import ConfigError, InputError
from longwatch.serve.config import Settings
from longwatch.serve.observability.tracing import NO_TRACE, Tracer, called_by, caller
from longwatch.serve.server import tracing
from tests.support import tiny

OFF = """
import sys
import longwatch.serve.engine.engine, longwatch.serve.observability.tracing
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    with tracing(Settings()) as off:
        assert type(off) is Tracer
        assert off.frame("a", tiny.frame(0)) is NO_TRACE
        assert off.question("tiny") is NO_TRACE
    assert NO_TRACE.trace is None


@pytest.mark.slow
def test_the_engine_does_not_even_import_opentelemetry() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_traces_without_the_extra_are_a_fault_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "longwatch.serve.observability.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'longwatch\[otel\]'"),
        tracing(Settings(traces=True)),
    ):
        pass


def test_of_a_callers_headers_those_of_its_trace_are_known() -> None:
    with called_by({"traceparent": "00-a", "authorization": "Bearer x"}):
        assert caller() == {"traceparent": "00-a"}
    assert caller() == {}


def test_what_is_refused_is_still_raised() -> None:
    with pytest.raises(InputError), NO_TRACE.admitting():
        raise InputError("no")
