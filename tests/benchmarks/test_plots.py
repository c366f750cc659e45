"""The plots' pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from benchmarks.plots import HEIGHT, STRONG, WIDTH, Axis, colours, lines

if TYPE_CHECKING:
    from pathlib import Path

AXES = Axis("x", log=True), Axis("y")


def test_every_line_is_drawn_in_a_colour_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "new" / "plot.png"
    series = {"one": [(1.0, 0.0), (4.0, 1.0)], "two": [(1.0, 1.0), (4.0, 0.0)]}
    lines(path, "title", AXES, series, strong="two")
    picture = Image.open(path).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    seen = {picture.getpixel((x, y)) for x in range(0, WIDTH, 2) for y in range(0, HEIGHT, 2)}
    assert {colours(2)[0], STRONG} <= seen


def test_a_single_point_can_be_drawn(tmp_path: Path) -> None:
    lines(tmp_path / "plot.png", "title", AXES, {"one": [(2.0, 3.0)]})
    assert (tmp_path / "plot.png").exists()


def test_nothing_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to plot"):
        lines(tmp_path / "plot.png", "title", AXES, {})


def test_colours_differ() -> None:
    assert len(set(colours(22))) == 22
