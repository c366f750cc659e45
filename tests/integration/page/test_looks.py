"""How the page looks and how fast: contrast and labels, sizes, the first paint, and pictures of it.

`LONGWATCH_PICTURES=docs` in the environment puts the pictures there, for the README.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.integration.page.conftest import until
from tests.integration.page.test_talking import answered, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from tests.integration.page.conftest import Tabs
    from tests.support.service import Live

WIDTHS = {1280: 900, 390: 844}
CAMERA = "document.querySelector('[name=camera] option').textContent = 'Built-in camera'"
MOST_BYTES = 150_000


def faults(page: Page) -> list[str]:
    """Return what axe-core finds wrong."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    response = axe.Axe().run(page).response
    assert len(response["passes"]) > 10  # it has looked
    found = response["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_has_a_label_and_enough_contrast(
    live: Live, start: Callable[[Live, str], Page], theme: Literal["light", "dark"]
) -> None:
    page = start(live, f"axe-{theme}")
    page.emulate_media(color_scheme=theme)
    ask(page, "What do you see?")
    answered(page, 1)
    page.fill("#condition", "a goldfish")
    page.click("#tell button")
    page.wait_for_selector("#watchlist li[data-state]")
    page.click("#log summary")
    assert faults(page) == []
    for source in ("screen", "file", "pull", "existing"):
        page.check(f"[name=source][value={source}]")
        assert faults(page) == [], source
    page.click("#watchlist >> text=Delete")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(
    live: Live, start: Callable[[Live, str], Page], width: int, tmp_path: Path
) -> None:
    page = start(live, "webcam")
    ask(page, "What do you see?")
    answered(page, 1)
    page.wait_for_timeout(6500)  # until the other picture is there
    for count, text in enumerate(("What do you see now?", "Was there an egyptian cat?"), 2):
        ask(page, text)
        answered(page, count)
    page.fill("#condition", "an espresso")
    page.click("#tell button")
    page.wait_for_selector("#watchlist li[data-state]")
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    until(page, "[...document.querySelectorAll('.strip img')].every((i) => i.naturalWidth > 0)")
    page.evaluate(CAMERA)  # the fake one is called as its file is
    folder = Path(os.environ.get("LONGWATCH_PICTURES", tmp_path))
    page.screenshot(path=folder / f"page-{width}.png", full_page=True)
    assert (folder / f"page-{width}.png").stat().st_size > 10_000
    page.click("#watchlist >> text=Delete")


def test_the_theme_can_be_chosen_and_is_kept(tiny: Live, tabs: Tabs, browser: Browser) -> None:
    page = tabs.open(browser, tiny.url, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click("#theme")
    page.click("#theme")
    assert page.inner_text("#theme") == "Theme: dark"
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark


def test_the_page_is_small_and_painted_soon(
    tiny: Live, tabs: Tabs, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tabs.open(browser, tiny.url)
    page.wait_for_selector("#link[data-state=connected]")
    sizes = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"),
          ...performance.getEntriesByType("resource")].filter((e) => !e.name.includes("/v1/"))
          .map((e) => e.transferSize)"""
    )
    until(page, "performance.getEntriesByName('first-contentful-paint').length > 0")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    with capsys.disabled():
        told = f"{sum(sizes)} bytes in {len(sizes)} files, first paint after {paint:.0f} ms"
        sys.stdout.write(f"\nthe page: {told}\n")
    assert 20_000 < sum(sizes) < MOST_BYTES
    assert paint > 0
