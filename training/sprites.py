"""Pictograms as pixels: rasterised from the npm packages' drawings, kept in an ignored folder.

    training/fetch_pictograms.sh     installs the packages, once
    python -m training.sprites       rasterises every style and writes the shipped sprites

Styles that nothing is trained on are for evaluation alone: EmojiOne (near to those trained on)
and OpenMoji (far: thick outlines).
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from longwatch.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAINED = (
    "noto",
    "noto-v1",
    "twemoji",
    "fluent-emoji",
    "fluent-emoji-flat",
    "fxemoji",
    "streamline-emojis",
)
NEAR, FAR = "emojione", "openmoji"  # held out
STYLES = (*TRAINED, NEAR, FAR)
SIDE = 128  # pixels
CACHE = Path(os.environ.get("LONGWATCH_TRAINING_CACHE", "training/.cache"))
SHIPPED = Path("stream/sources/pictograms/noto.webp")
ACROSS = 16  # sprites in a row of the shipped sheet
CONCEPTS = Path(__file__).with_name("concepts.json")


@cache
def concepts() -> tuple[str, ...]:
    """Return the names of the pictogram concepts, in the order of the head's columns."""
    return tuple(entry["name"] for entry in _entries())


def slugs(style: str) -> dict[str, str]:
    """Return concept name -> name of its drawing, for the concepts that a style has."""
    return {
        entry["name"]: entry.get("styles", {}).get(style, entry["slug"])
        for entry in _entries()
        if style not in entry.get("absent", [])
    }


@cache
def sprites(style: str) -> dict[str, NDArray[np.uint8]]:
    """Return concept name -> (SIDE, SIDE, 4) premultiplied RGBA, rasterising where needed.

    Raises:
        ConfigError: there is no such style, or its package has not been installed.
    """
    if style not in STYLES:
        raise ConfigError(f"no pictogram style is {style!r}; choose one of {', '.join(STYLES)}")
    drawn = slugs(style)
    kept = CACHE / f"{style}.npz"
    if kept.exists():
        with np.load(kept) as sheet:
            if list(sheet["slugs"]) == list(drawn.values()):
                return dict(zip(drawn, sheet["sprites"], strict=True))
    sheet = rasterise(style, list(drawn.values()))
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept, slugs=list(drawn.values()), sprites=sheet)
    return dict(zip(drawn, sheet, strict=True))


def rasterise(style: str, wanted: list[str], side: int = SIDE) -> NDArray[np.uint8]:
    """Return (n, side, side, 4) premultiplied RGBA of a style's drawings of those names.

    Raises:
        ConfigError: the style's package has not been installed, or has no such drawing.
    """
    path = CACHE / "node_modules" / "@iconify-json" / style / "icons.json"
    if not path.exists():
        raise ConfigError(f"{path} is missing; run training/fetch_pictograms.sh to install it")
    package = json.loads(path.read_text(encoding="utf-8"))
    return np.stack([_draw(_svg(package, name), side) for name in wanted])


def _svg(package: dict[str, Any], name: str) -> str:
    while name in package.get("aliases", {}):
        name = package["aliases"][name]["parent"]
    if name not in package["icons"]:
        raise ConfigError(f"{package['prefix']} has no {name!r}; correct training/concepts.json")
    icon = package["icons"][name]
    width, height = (icon.get(k, package.get(k, 16)) for k in ("width", "height"))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'


def _draw(svg: str, side: int) -> NDArray[np.uint8]:
    """Return (side, side, 4): the drawing cut to what it shows, fitted in and centred."""
    from resvg_py import svg_to_bytes

    png = np.frombuffer(svg_to_bytes(svg_string=svg, width=2 * side, height=2 * side), np.uint8)
    bgra = np.asarray(cv2.imdecode(png, cv2.IMREAD_UNCHANGED), np.float32)
    image = bgra[..., [2, 1, 0, 3]]
    image[..., :3] *= image[..., 3:] / 255
    rows, columns = (np.flatnonzero((image[..., 3] > 8).any(axis)) for axis in (1, 0))
    if not len(rows):
        raise ConfigError("a drawing came out empty; take it out of training/concepts.json")
    image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = image.shape[:2]
    factor = (side - 2) / max(height, width)  # a clear border, so that turning it has soft edges
    size = max(1, round(width * factor)), max(1, round(height * factor))
    image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    out = np.zeros((side, side, 4), np.uint8)
    y, x = (side - size[1]) // 2, (side - size[0]) // 2
    out[y : y + size[1], x : x + size[0]] = np.rint(image)
    return out


@cache
def _entries() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(CONCEPTS.read_text(encoding="utf-8"))
    return entries


def ship(path: Path = SHIPPED) -> None:
    """Write the sprites that the package ships: Noto's, on one sheet with their names beside it."""
    drawn = sprites("noto")
    rows = -(-len(drawn) // ACROSS)
    sheet = np.zeros((rows * ACROSS, SIDE, SIDE, 4), np.uint8)
    sheet[: len(drawn)] = list(drawn.values())
    grid = sheet.reshape(rows, ACROSS, SIDE, SIDE, 4).swapaxes(1, 2)
    picture = Image.fromarray(grid.reshape(rows * SIDE, ACROSS * SIDE, 4), "RGBa").convert("RGBA")
    picture.save(path, quality=90, alpha_quality=100, method=6)
    names = json.dumps(list(drawn), indent=0) + "\n"
    path.with_name("names.json").write_text(names, encoding="utf-8")


def main() -> None:
    """Rasterise every style, and write the shipped sprites."""
    for style in STYLES:
        print(style, len(sprites(style)))
    ship()


if __name__ == "__main__":
    main()
