"""A real Chromium on real services. Its webcam is a file of known pictures."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from longwatch.models.loader import load_model
from longwatch.serve.auth.keys import KeyFile
from tests.integration.page.scenes import write_scene
from tests.support.service import Live, serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

MEDIA = Path(__file__).parents[3] / "cli" / "demo" / "media"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
PATIENCE = 60_000  # milliseconds that a browser waits for what a test expects; mostly it needs few


class Locked(NamedTuple):
    """A service with keys, and one of them."""

    live: Live
    key: str


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """Serve the bundled model."""
    with serve(load_model("bundled"), stats_seconds=0.3) as running:
        yield running


@pytest.fixture(scope="session")
def tiny() -> Iterator[Live]:
    """Serve a tiny model."""
    with serve(TinyVideoLM(), stats_seconds=0.3) as running:
        yield running


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Locked]:
    """Serve a tiny model to those who have a key."""
    file = KeyFile(tmp_path / "keys.json")
    _, key = file.add("page", ["ask", "publish", "manage"])
    with serve(TinyVideoLM(), keys=str(file.path)) as running:
        yield Locked(running, key)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what the webcam shows: a cat and an espresso, in turns."""
    path = tmp_path_factory.mktemp("scene") / "scene.y4m"
    write_scene(path, [MEDIA / "cat.jpg", MEDIA / "espresso.jpg"], 6)
    return path


@pytest.fixture(scope="module")  # its event loop is in the way of those of other tests
def playwright() -> Iterator[Playwright]:
    """Return Playwright, or skip where there is no Chromium; CI skips nothing."""
    if not CHROMIUM:
        message = "there is no Chromium; scripts/system-packages installs it"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as running:
        yield running


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def chromium(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    """Run a Chromium."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", *flags]
    )
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def browser(playwright: Playwright, scene: Path) -> Iterator[Browser]:
    """Run a Chromium whose webcam shows the scene, and is allowed."""
    with chromium(
        playwright,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={scene}",
    ) as running:
        yield running


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page, or fail; its own policy forbids to eval it."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(30)


class Tabs:
    """Opens pages, and knows what they ask of others and what they complain of."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.allowed: deque[str] = deque()  # parts of complaints that a test expects
        self.strangers: list[str] = []
        self.pages: list[Page] = []

    def open(self, browser: Browser, url: str, **options: Any) -> Page:
        """Open a page in a profile of its own."""
        page = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options}
        ).new_page()
        self.pages.append(page)
        host = urlsplit(url).netloc
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("request", lambda r: self._ask(r.url, host))
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        return page

    def close(self) -> None:
        """Close all, and fail where a page complained or asked another host for something."""
        for page in self.pages:
            page.context.close()
        assert self.complaints == []
        assert self.strangers == []

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complain(message.text)

    def _complain(self, text: str) -> None:
        if not any(part in text for part in self.allowed):
            self.complaints.append(text)

    def _ask(self, url: str, host: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"blob", "data"} and parts.netloc != host:
            self.strangers.append(url)


@pytest.fixture
def tabs() -> Iterator[Tabs]:
    """Return what opens pages; at the end of each test none must have complained."""
    made = Tabs()
    yield made
    made.close()


@pytest.fixture
def start(tabs: Tabs, browser: Browser) -> Callable[[Live, str], Page]:
    """Return what opens a page whose webcam feeds the stream named."""

    def begin(live: Live, name: str) -> Page:
        page = tabs.open(browser, live.url)
        page.wait_for_selector("#link[data-state=connected]")
        page.fill("#controls [name=name]", name)
        page.click("#controls button[type=submit]")
        page.wait_for_selector(".badge[data-state=live]")
        until(page, "!document.querySelector('#memory-sum').textContent.includes('Nothing')")
        return page

    return begin
