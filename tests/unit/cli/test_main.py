"""The command line's edge: one sentence and an exit code, whatever is typed."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from longwatch import __version__
from longwatch.cli.main import VERBS, run
from longwatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = "http://127.0.0.1:1"
BAD = [
    ["nonsense"],
    [],
    ["ask"],
    ["ask", "what?", "--nonsense"],
    ["ask", " "],
    ["ask", "what?", "--url", "cam1"],
    ["ask", "what?", "--url", NOBODY],
    ["ask", "what?", "--url", NOBODY, "--stream", "cam1"],
    ["ask", "what?", "--max-tokens", "0"],
    ["watch"],
    ["watch", "clip.mp4", "--speed", "-1"],
    ["watch", "clip.mp4", "--speed", "fast"],
    ["watch", "clip.mp4", "--fps", "0"],
    ["watch", "clip.mp4", "--url", NOBODY],
    ["watch", "camera:front"],
    ["watch", "synthetic:"],
    ["watch", "synthetic:1", "--loop"],
    ["watch", "synthetic:1", "--seconds", "0"],
    ["watch", "clip.mp4", "--seconds", "3"],
    ["serve", "--port", "99999"],
    ["serve", "--host", "0.0.0.0"],
    ["serve", "--model", "no/such-folder/here"],
    ["serve", "--nonsense", "1"],
    ["serve", "--policy", "nonsense", "--port", "0"],
    ["demo", "--speed", "0"],
    ["doctor", "--nonsense"],
]


@pytest.mark.parametrize("args", BAD, ids=" ".join)
def test_bad_input_is_one_sentence_and_exit_code_2(
    args: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run(args) == 2
    out, err = capfd.readouterr()
    said = [line for line in err.splitlines() if line.startswith("longwatch: ")]
    assert len(said) == 1
    assert len(said[0]) > 30
    assert "Traceback" not in out + err


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_port_in_use_is_said_before_a_model_is_loaded(
    taken: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--port", str(taken), "--model", "no/such-model"]) == 2
    assert str(taken) in capfd.readouterr().err


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(InputError):
        run(["--debug", "ask", " "])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    assert f"longwatch {verb}" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_a_question_that_is_a_verb_is_a_question(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "watch", "--url", NOBODY]) == 2
    assert "no service answers" in capfd.readouterr().err


def test_asking_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from longwatch.cli.main import run\n"
        f"run(['ask', 'what?', '--url', {NOBODY!r}])\n"
        "print(sorted({'torch', 'av', 'cv2', 'transformers', 'fastapi'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "longwatch", "watch", str(tmp_path / "no.mp4")]
    done = subprocess.run([*command, "--url", NOBODY], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("longwatch: ")
