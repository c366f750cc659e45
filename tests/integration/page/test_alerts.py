"""What is watched for, and the pictures that prove what is said."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.integration.page.conftest import MEDIA, PATIENCE, until
from tests.integration.page.test_talking import answered, ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.support.service import Live

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
    live: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(live, "evidence")
    ask(page, "What do you see?")
    (said,) = answered(page, 1)
    page.wait_for_selector(".strip .frame img")
    until(page, f"{THUMBS}.every((thumb) => thumb.querySelector('img')?.naturalWidth)")
    names = {"espresso": "espresso.jpg"}
    shown = MEDIA / names.get(said.strip(" .").lower(), "cat.jpg")
    other = MEDIA / ("cat.jpg" if shown.name == "espresso.jpg" else "espresso.jpg")
    frames = page.locator(".strip .frame")
    pixels = [pixels_of(frames.nth(n)) for n in range(frames.count())]
    assert difference(pixels[0], shown) < 20 < difference(pixels[0], other)  # it weighs most
    assert all(min(difference(p, shown), difference(p, other)) < 20 for p in pixels)
    frames.first.click()
    page.wait_for_selector("#lightbox[open] img:not([hidden])")


def pixels_of(frame: Locator) -> np.ndarray:
    """Return what the picture on a button shows, as 24 rows of 32 pixels."""
    data = frame.locator("img").evaluate(
        """async (image) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [32, 24];
          canvas.getContext("2d").drawImage(image, 0, 0, 32, 24);
          return [...canvas.getContext("2d").getImageData(0, 0, 32, 24).data];
        }"""
    )
    return np.array(data, float).reshape(24, 32, 4)[..., :3]


def difference(pixels: np.ndarray, path: Path) -> float:
    """Return the mean difference of pixels, 0 to 255, to a picture."""
    small = (
        Image.open(path).convert("RGB").resize((320, 240)).resize((32, 24), Image.Resampling.BOX)
    )
    return float(np.abs(pixels - np.asarray(small, float)).mean())


def test_the_timeline_shows_the_picture_under_the_cursor_as_small_as_it_is_drawn(
    live: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(live, "timeline")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    bar = page.locator("#timeline [role=slider]")
    width = "document.querySelector('.peek img')?.naturalWidth ?? 0"
    end = time.monotonic() + PATIENCE / 1000
    while not (shown := page.evaluate(width)):  # there is no picture yet, or none is known here
        bar.press("Home")
        page.wait_for_timeout(200)
        assert time.monotonic() < end
    assert shown == 152
    assert any("/frames/" in url and url.endswith("?width=152") for url in asked)
