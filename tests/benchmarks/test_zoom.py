"""How gains of a second look are counted, and what it adds to what was read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import zoom
from longwatch.models.bundled_model import load_bundled

if TYPE_CHECKING:
    from pathlib import Path


def asking(stream: int, *, hit: bool, plain: bool, again: bool) -> zoom.Asking:
    right = {"plain": plain, **dict.fromkeys(zoom.GRIDS, again)}
    return zoom.Asking(1.0, stream, "where", hit, right)


def test_a_gain_is_the_mean_over_streams_of_answers_won_less_answers_lost() -> None:
    some = [
        asking(0, hit=True, plain=False, again=True),
        asking(0, hit=True, plain=True, again=True),
        asking(1, hit=False, plain=True, again=False),
    ]
    told = zoom.summary_of(some)
    assert told["gain_9x9_share_1.0"][0] == pytest.approx((0.5 - 1.0) / 2)
    rows = {row["kind"]: row for row in zoom.rows_of(some)}
    assert rows["hit"]["9x9"] == 1.0
    assert rows["missed"]["plain"] == 1.0
    assert rows["all"]["questions"] == 3


def test_a_second_look_adds_one_frame_of_the_finer_grid_behind_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zoom, "FRAMES", 3)
    models = {way: load_bundled(grid=grid) for way, grid in zoom.GRIDS.items()}
    stream = zoom.read_stream(models["3x3"], 0, 1.0, 0)
    again = zoom.Zoom(models, stream).with_frame("6x6", 1.0, stream.snapshot)
    *before, added = again.segments
    assert before == list(stream.snapshot.segments)
    assert added.time == 1.0
    assert len(added) == 1 + 6 * 6


@pytest.mark.parametrize(("at", "hit"), [(2.0, True), (0.0, False)])
def test_a_look_hits_where_its_frame_proves_the_answer(
    at: float, hit: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoom, "FRAMES", 3)
    monkeypatch.setattr(zoom, "ASKED", ("now",))  # the last frame proves it
    monkeypatch.setattr(zoom, "weightiest", lambda model, snapshot, asked: (snapshot, at))
    models = dict.fromkeys(zoom.GRIDS, load_bundled())
    found = zoom.watch(models, zoom.read_stream(models["3x3"], 0, 1.0, 0), 2)
    assert [each.hit for each in found] == [hit] * 2


def test_a_quick_run_reports_every_way_at_every_share(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zoom, "FRAMES", 4)
    monkeypatch.setattr(zoom, "ASKED", ("where", "background"))
    path = tmp_path / "zoom.json"
    zoom.main(["--quick", "--json", str(path)])
    report = json.loads(path.read_text("utf-8"))
    assert {row["share"] for row in report["rows"]} == set(zoom.SHARES)
    assert len(report["summary"]) == len(zoom.SHARES) * len(zoom.GRIDS)
