"""Sources, streams and watches in a real browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import httpx
import numpy as np
from PIL import Image

from tests.page.conftest import MEDIA, chromium, until
from tests.page.test_talking import answered, ask
from tests.serve.conftest import Live, serve
from tests.serve.tiny import TinyVideoLM, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Playwright

    from tests.page.conftest import Locked, Tabs

SHOWN = "!document.querySelector('#about').textContent.includes('nothing')"
LOST = (
    "ERR_CONNECTION",
    "WebSocket connection to",
)  # what a browser says of a service that is gone


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `longwatch serve` as users do, until it is ready; it ends with the context."""
    command = [sys.executable, "-m", "longwatch", "serve", "--port", str(port)]
    env = {**os.environ, "LONGWATCH_STATS_SECONDS": "0.3"}
    with TemporaryFile("w+") as log:
        running = subprocess.Popen(command, stderr=log, stdout=log, env=env)
        try:
            wait_for(lambda: running.poll() is not None or answers(port))
            log.seek(0)
            assert running.poll() is None, log.read()
            yield running
        finally:
            running.kill()
            running.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_the_page_comes_back_after_the_service_was_killed(tabs: Tabs, browser: Browser) -> None:
    tabs.allowed.extend(LOST)
    port = free_port()
    with process(port) as first:
        page = tabs.open(browser, f"http://127.0.0.1:{port}")
        page.wait_for_selector("#link[data-state=connected]")
        page.click("#controls button[type=submit]")
        page.wait_for_selector(".badge[data-state=live]")
        until(page, SHOWN)
        ask(page, "What do you see?")
        answered(page, 1)
        first.send_signal(signal.SIGKILL)
        page.wait_for_selector("#link[data-state=reconnecting]")
        assert "The service is gone" in page.inner_text("#banner")
        assert page.inner_text("#link-text").startswith("Reconnecting")
        assert page.is_disabled("#send")
        page.wait_for_selector(".badge[data-state=reconnecting]")
    with process(port):
        page.wait_for_selector("#link[data-state=connected]")
        assert page.is_hidden("#banner")
        page.wait_for_selector(".badge[data-state=live]")
        until(page, SHOWN)
        ask(page, "What do you see?")
        assert len(answered(page, 2)) == 2  # the first is still there


def test_a_camera_that_is_not_allowed_is_said_with_the_way_out(
    tiny: Live, tabs: Tabs, playwright: Playwright
) -> None:
    with chromium(
        playwright, "--use-fake-device-for-media-stream", "--deny-permission-prompts"
    ) as b:
        page = tabs.open(b, tiny.url)
        page.click("#controls button[type=submit]")
        page.wait_for_selector("#stage[data-state=trouble]")
        said = page.inner_text("#notice")
        assert "The camera is not allowed" in said
        assert "Allow it" in said
        assert page.is_visible("#notice >> text=Try again")
        tabs.close()
        tabs.pages.clear()


def test_a_page_without_https_says_that_cameras_need_it(tabs: Tabs, playwright: Playwright) -> None:
    port = free_port()
    site = f"http://camera.test:{port}"
    with (
        serve(TinyVideoLM(), port=port, hosts=("camera.test",), origins=(site,)),
        chromium(playwright, "--host-resolver-rules=MAP camera.test 127.0.0.1") as other,
    ):
        page = tabs.open(other, site)
        page.wait_for_selector("#link[data-state=connected]")
        assert "needs https" in page.inner_text("#notice")
        page.check("[name=source][value=existing]")
        assert "needs https" not in page.inner_text("#notice")
        tabs.close()
        tabs.pages.clear()


def test_a_name_that_somebody_feeds_can_be_watched_instead(
    tiny: Live, tabs: Tabs, browser: Browser, start: Callable[[Live, str], Page]
) -> None:
    start(tiny, "taken")
    second = tabs.open(browser, tiny.url)
    second.wait_for_selector("#link[data-state=connected]")
    second.fill("#controls [name=name]", "taken")
    second.click("#controls button[type=submit]")
    second.wait_for_selector("#stage[data-state=trouble]")
    assert "feeds “taken” already" in second.inner_text("#notice")
    second.click("text=Watch it instead")
    second.wait_for_selector(".badge[data-state=live]")
    ask(second, "what?")
    assert answered(second, 1)


def test_a_network_camera_that_cannot_be_had_says_why_and_never_its_password(
    tiny: Live, tabs: Tabs, browser: Browser
) -> None:
    page = tabs.open(browser, tiny.url)
    page.wait_for_selector("#link[data-state=connected]")
    page.check("[name=source][value=pull]")
    page.fill("[name=url]", f"rtsp://127.0.0.1:{free_port()}/none")
    page.fill("[name=username]", "anna")
    page.fill("[name=password]", "secret-word")
    page.fill("#controls [name=name]", "door")
    page.click("#controls button[type=submit]")
    page.wait_for_selector(".badge[data-state=reconnecting]")
    assert "nothing listens" in page.inner_text("#badge")
    page.click("#log summary")
    until(page, "document.querySelectorAll('#log-lines li').length > 2")
    assert "secret-word" not in page.content()


def test_a_service_with_keys_asks_for_one_and_then_lets_the_page_in(
    locked: Locked, tabs: Tabs, browser: Browser
) -> None:
    tabs.allowed.append("401")
    page = tabs.open(browser, locked.live.url)
    page.wait_for_selector("#keyring[open]")
    page.fill("#key", "lw_wrong")
    page.click("#keyring button")
    page.wait_for_selector("#keyring[open]")
    page.fill("#key", locked.key)
    page.click("#keyring button")
    page.wait_for_selector("#link[data-state=connected]")
    page.click("#controls button[type=submit]")
    page.wait_for_selector(".badge[data-state=live]")
    assert locked.key not in page.content()


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
    until(page, "[...document.querySelectorAll('.strip img')].every((i) => i.naturalWidth > 0)")
    names = {"espresso": "espresso.jpg"}
    shown = MEDIA / names.get(said.strip(" .").lower(), "cat.jpg")
    other = MEDIA / ("cat.jpg" if shown.name == "espresso.jpg" else "espresso.jpg")
    newest = page.locator(".strip .frame").last
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
