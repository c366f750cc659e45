"""The flags of `longwatch serve` are the service's settings."""

from __future__ import annotations

import inspect
import os
import re
import signal
import subprocess
import sys

import pytest

from longwatch.cli.main import run
from longwatch.cli.serve import command
from longwatch.client.http import get_json
from longwatch.serve.config import Settings


def test_every_setting_is_a_flag() -> None:
    assert list(inspect.signature(command).parameters) == list(Settings.model_fields)


def test_help_names_every_flag_and_its_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["serve", "--help"]) == 0
    out = capsys.readouterr().out
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in out
        assert (field.description or "")[1:60].strip() in out


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_stop() -> None:
    args = ["serve", "--port", "0", "--origins", "http://a", "--origins", "http://b"]
    with subprocess.Popen(
        [sys.executable, "-m", "longwatch", *args],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LONGWATCH_MODEL": "bundled"},
    ) as service:
        try:
            assert service.stderr is not None
            said = (re.search(r"ready.*?(http://\S+)", line) for line in service.stderr)
            ready = next(filter(None, said))
            assert get_json(ready[1], "/v1/streams")["data"] == []
        finally:
            service.send_signal(signal.SIGINT)
        service.communicate(timeout=60)
    assert service.returncode == 0
