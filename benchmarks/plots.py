"""Line plots as PNG, drawn with nothing but Pillow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WIDTH, HEIGHT = 1100, 640  # pixels
LEFT, RIGHT, TOP, BOTTOM = 90, 230, 50, 70  # pixels around the axes; names stand on the right
TICKS = 5
LINE, SIZE = 17, 14  # pixels: of a name's line, of a letter
GREY = (150, 150, 150)
STRONG = (200, 30, 30)


class Axis(NamedTuple):
    """What is measured along one side."""

    name: str
    log: bool = False

    def at(self, value: float) -> float:
        """Return where a value lies, before it is scaled to pixels."""
        return math.log2(value) if self.log else value


def colours(n: int) -> list[tuple[int, int, int]]:
    """Return `n` colours that differ, none of them red."""
    found = []
    for i in range(n):
        hue, light = 30 + 300 * i / max(1, n), 45 + 15 * (i % 2)
        with_hue = Image.new("RGB", (1, 1), f"hsl({int(hue)}, 70%, {light}%)")
        red, green, blue = with_hue.tobytes()
        found.append((red, green, blue))
    return found


def lines(
    path: Path,
    title: str,
    axes: tuple[Axis, Axis],
    series: Mapping[str, Sequence[tuple[float, float]]],
    strong: str = "",
) -> None:
    """Draw each of `series`, points (x, y), as a line with its name; `strong` stands out.

    Raises:
        ValueError: there are no points.
    """
    points = [p for line in series.values() for p in line]
    if not points:
        raise ValueError("there is nothing to plot")
    frame = _Frame(axes, points)
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((LEFT, 14), title, "black", ImageFont.load_default(SIZE + 2))
    frame.draw(draw)
    shown = dict(zip(series, colours(len(series)), strict=True))
    if strong in shown:
        shown[strong] = STRONG
    font = ImageFont.load_default(SIZE)
    for row, (name, colour) in enumerate(shown.items()):
        at = [frame.place(*p) for p in sorted(series[name])]
        width = 4 if name == strong else 2
        draw.line(at, colour, width)
        for x, y in at:
            draw.ellipse((x - width, y - width, x + width, y + width), colour)
        top = TOP + LINE * row
        draw.rectangle((WIDTH - RIGHT + 20, top + 4, WIDTH - RIGHT + 32, top + 12), colour)
        draw.text((WIDTH - RIGHT + 40, top), name, "black", font)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)


class _Frame:
    """Where values lie in the picture."""

    def __init__(self, axes: tuple[Axis, Axis], points: Sequence[tuple[float, float]]) -> None:
        self.axes = axes
        placed = [[axis.at(p[i]) for p in points] for i, axis in enumerate(axes)]
        self.low = [min(of) for of in placed]
        self.range = [(max(of) - min(of)) or 1.0 for of in placed]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        across = (self.axes[0].at(x) - self.low[0]) / self.range[0]
        up = (self.axes[1].at(y) - self.low[1]) / self.range[1]
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    def draw(self, draw: ImageDraw.ImageDraw) -> None:
        """Draw both axes with their ticks and names."""
        font = ImageFont.load_default(SIZE)
        left, bottom, right = LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT
        draw.line([(left, TOP), (left, bottom), (right, bottom)], "black")
        for i in range(TICKS):
            part = i / (TICKS - 1)
            x = left + part * (right - left)
            y = bottom - part * (bottom - TOP)
            draw.line([(left, y), (right, y)], (230, 230, 230))
            draw.line([(x, bottom), (x, bottom + 5)], "black")
            draw.text((x - 14, bottom + 8), self._tick(0, part), "black", font)
            draw.text((left - 60, y - 8), self._tick(1, part), "black", font)
        draw.text(((left + right) / 2 - 60, HEIGHT - 30), self.axes[0].name, "black", font)
        draw.text((left - 60, TOP - 22), self.axes[1].name, GREY, font)

    def _tick(self, side: int, part: float) -> str:
        value = self.low[side] + part * self.range[side]
        value = 2**value if self.axes[side].log else value
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
