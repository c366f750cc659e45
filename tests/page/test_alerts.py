"""What is watched for, and the pictures that prove what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.page.conftest import MEDIA, until
from tests.page.test_talking import answered, ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.serve.conftest import Live

THUMBS = "[...document.querySelectorAll('.strip .thumb')]"


def test_a_watch_speaks_up_once_within_its_cooldown(
    live: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(live, "watched")
    page.fill("#condition", "an espresso")
    page.select_option("#cooldown", "600")
    page.click("#tell button")
    page.wait_for_selector(".toast[data-kind=hit]")
    until(page, "document.querySelector('#watchlist').textContent.includes('seen once')")
    until(page, "document.querySelectorAll('.mark[data-kind=alert]').length === 1")
    page.wait_for_timeout(14_000)  # the espresso comes and goes once more
    assert "seen once" in page.inner_text("#watchlist")
    page.click("#watchlist >> text=Delete")
    until(page, "!document.querySelector('#watchlist').textContent.includes('espresso')")


def test_the_pictures_beside_an_answer_are_the_frames_it_rests_on(
    live: Live, start: Callable[[Live, str], Page], scene: Path
) -> None:
    page = start(live, "evidence")
    ask(page, "What do you see?")
    (said,) = answered(page, 1)
    page.wait_for_selector(".strip .frame img")
    until(page, f"{THUMBS}.every((thumb) => thumb.querySelector('img')?.naturalWidth)")
    names = {"espresso": "espresso.jpg"}
    shown = MEDIA / names.get(said.strip(" .").lower(), "cat.jpg")
    other = MEDIA / ("cat.jpg" if shown.name == "espresso.jpg" else "espresso.jpg")
    newest = page.locator(".strip .frame[aria-label*='the newest frame']")
    blob = newest.locator("img").evaluate(
        """async (image) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [32, 24];
          canvas.getContext("2d").drawImage(image, 0, 0, 32, 24);
          return [...canvas.getContext("2d").getImageData(0, 0, 32, 24).data];
        }"""
    )
    pixels = np.array(blob, float).reshape(24, 32, 4)[..., :3]
    assert difference(pixels, shown) < 20 < difference(pixels, other)
    newest.click()
    page.wait_for_selector("#lightbox[open] img:not([hidden])")


def difference(pixels: np.ndarray, path: Path) -> float:
    """Return the mean difference of pixels, 0 to 255, to a picture."""
    small = (
        Image.open(path).convert("RGB").resize((320, 240)).resize((32, 24), Image.Resampling.BOX)
    )
    return float(np.abs(pixels - np.asarray(small, float)).mean())
