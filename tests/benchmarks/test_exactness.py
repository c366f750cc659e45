"""The quick protocol of `benchmarks.exactness`, from its arguments to its report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import exactness, text_models, tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what one quick run wrote."""
    path: Path = tmp_path_factory.mktemp("report") / "exactness.json"
    returned = exactness.main(["--quick", "--json", str(path), "--seed", "3"])
    written: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert written == json.loads(json.dumps(returned))
    return written


@pytest.mark.slow
def test_the_targets_are_met(report: dict[str, Any]) -> None:
    summary = report["summary"]
    assert summary["max_abs_logit_diff_fp32"] <= 1e-5
    assert summary["tokens_equal"] is True
    assert summary["worst_ratio_bf16"] <= 2
    assert summary["refused_families"] == list(text_models.REFUSED)


@pytest.mark.slow
def test_every_family_and_layout_has_a_row(report: dict[str, Any]) -> None:
    rows = [(row["family"], row["layout"]) for row in report["rows"] if "layout" in row]
    assert rows == [(f, layout) for f in tiny.FAMILIES for layout in exactness.LAYOUTS]
    rounded = [row["family"] for row in report["rows"] if row.get("dtype") == "bfloat16"]
    assert rounded == list(tiny.FAMILIES)


@pytest.mark.slow
def test_the_measure_sees_a_lost_frame(report: dict[str, Any]) -> None:
    lost = [row["diff_with_a_frame_lost"] for row in report["rows"] if "layout" in row]
    assert min(lost) > 1000 * report["summary"]["max_abs_logit_diff_fp32"]
