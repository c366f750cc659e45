"""A small run of the archive's benchmark, and what its table of errors says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks import archive, rounding

if TYPE_CHECKING:
    from pathlib import Path


def test_fewer_bits_cost_more_error_and_fewer_bytes() -> None:
    table = rounding.rows(rounding.random((2, 2, 10, 16), seed=0))
    for axis in rounding.AXES:
        rows = [row for row in table if row["axis"] in (axis, "any")]
        assert [row["bits"] for row in rows] == [32, 16, 8, 4, 2]
        for column, falls in (("key_error", False), ("value_error", False), ("bytes", True)):
            name = "bits_with_scales" if column == "bytes" else column
            found = [row[name] for row in rows]
            assert found == sorted(found, reverse=falls)


def test_an_offset_of_its_own_makes_a_channel_s_scale_better() -> None:
    generator = torch.Generator().manual_seed(0)
    offsets = 5 * torch.randn(1, 1, 1, 16, generator=generator)
    x = offsets + torch.randn(4, 2, 32, 16, generator=generator)
    table = rounding.rows(rounding.Blocks("offset", x, x))
    assert rounding.better_axis(table, "key", 4) == {"offset": "channel"}


@pytest.mark.slow
def test_the_report_has_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "QUICK", archive.Protocol((1, 2), 0.2e9, 2, 1, 10))
    path = tmp_path / "report.json"
    archive.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    sizes = [row for row in report["rows"] if "hours" in row]
    assert [(row["hours"], row["blocks"]) for row in sizes] == [(1, 1800), (2, 3600)]
    for row in sizes:
        assert row["layers_held"] * row["blocks"] * 28_000 < 0.2e9
    assert len({row["blocks"] for row in report["rows"]} - {1800, 3600}) == 3
    for key in ("gather_gb_per_s", "memcpy_gb_per_s", "search_ms", "seal_ms"):
        assert report["summary"][key] > 0
