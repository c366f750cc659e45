"""What every benchmark prints and writes."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import report

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"model": "a", "ms": 1.5},
    {"model": "b", "ms": 2.5},
    {"refused": ["c", "d"]},
]


def test_the_report_says_what_was_run_where_and_how(tmp_path: Path) -> None:
    path = tmp_path / "results" / "report.json"
    given = ["--quick", "--json", str(path), "--seed", "7"]
    returned = report.publish(report.parser("speed", "how fast"), given, ROWS, {"worst_ms": 2.5})
    assert json.loads(path.read_text("utf-8")) == returned
    assert list(returned) == ["name", "commit", "command", "machine", "seed", "rows", "summary"]
    assert returned["name"] == "speed"
    assert returned["command"] == f"python -m benchmarks.speed --quick --json {path} --seed 7"
    assert returned["seed"] == 7
    assert set(returned["machine"]) == {"cpu", "cores", "gpu", "torch", "transformers"}


def test_with_a_dash_stdout_holds_the_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    report.publish(report.parser("speed", "how fast"), ["--json", "-"], ROWS, {"worst_ms": 2.5})
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"] == ROWS
    assert "worst_ms: 2.5" in err
    assert "c, d" in err


def test_without_a_path_people_read_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    report.publish(report.parser("speed", "how fast"), [], ROWS, {"worst_ms": 2.5})
    out, err = capsys.readouterr()
    assert "worst_ms: 2.5" in out
    assert not err


def test_rows_too_long_for_a_line_are_shown_side_by_side(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{f"quite_a_long_name_{i}": 10 * load + i for i in range(13)} for load in range(3)]
    report.publish(report.parser("speed", "how fast"), [], rows, {"range": [0.123456, 2.0]})
    out, _ = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    for i in range(13):
        [found] = [line for line in lines if f"quite_a_long_name_{i}" in line]
        assert {str(i), str(10 + i), str(20 + i)} <= set(found)
    assert max(map(len, out.splitlines())) <= 80
    assert "range: 0.123, 2" in out


def test_a_figure_that_json_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="JSON"):
        report.publish(report.parser("speed", "how fast"), [], [], {"ms": float("nan")})


def test_a_changed_file_makes_the_commit_dirty_and_a_report_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=n", "-c", "user.email=e")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert report.commit() == "unknown"
    code = tmp_path / "code.py"
    results = [tmp_path / part / "results" / "a.json" for part in ("benchmarks", "training")]
    code.write_text("1")
    for result in results:
        result.parent.mkdir(parents=True)
        result.write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    clean = report.commit()
    assert len(clean) == 40
    for result in results:
        result.write_text("2")
    assert report.commit() == clean
    code.write_text("2")
    assert report.commit() == f"{clean}-dirty"
