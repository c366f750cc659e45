"""What becomes of the page when the service, the line or the tab itself goes away."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from queue import SimpleQueue
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import httpx

from tests.integration.page.conftest import free_port, until
from tests.integration.page.test_talking import answered, ask
from tests.support.relay import Relay, relaying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.integration.page.conftest import Tabs
    from tests.support.service import Live


START_SECONDS = 120  # of which a service needs few, unless the machine is busy
SHOWN = "!document.querySelector('#about').textContent.includes('nothing')"
BACK = "document.querySelector('#link-text').textContent.startsWith('Back where it was')"
LOST = (
    "ERR_CONNECTION",
    "WebSocket connection to",
)  # what a browser says of a service that is gone


@contextmanager
def process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `longwatch serve` as users do, until it is ready; it ends with the context."""
    command = [sys.executable, "-m", "longwatch", "serve", "--port", str(port)]
    env = {**os.environ, "LONGWATCH_STATS_SECONDS": "0.3"}
    with TemporaryFile("w+") as log:
        running = subprocess.Popen(command, stderr=log, stdout=log, env=env)
        try:
            end = time.monotonic() + START_SECONDS
            while running.poll() is None and time.monotonic() < end and not answers(port):
                time.sleep(0.1)
            log.seek(0)
            assert answers(port), log.read()
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
        assert re.fullmatch(r"Connected anew, after \d+ s", page.inner_text("#link-text"))
        assert page.is_hidden("#banner")
        page.wait_for_selector(".badge[data-state=live]")
        until(page, SHOWN)
        ask(page, "What do you see?")
        assert len(answered(page, 2)) == 2  # the first is still there


def test_a_session_is_resumed_when_only_the_line_broke(
    tiny: Live, tabs: Tabs, browser: Browser, start: Callable[[Live, str], Page]
) -> None:
    tabs.allowed.extend(LOST)
    start(tiny, "resumed")
    with beside(tiny.url) as (url, cut):
        page = tabs.open(browser, f"{url}/?stream=resumed")
        page.wait_for_selector(".badge[data-state=live]")
        ask(page, "what?")
        answered(page, 1)
        cut()
        until(page, BACK)
        page.wait_for_selector(".badge[data-state=live]")
        ask(page, "what?")
        assert len(answered(page, 2)) == 2
        page.close()


@contextmanager
def beside(url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run a relay to a service on a thread; yield its URL, and what resets its connections."""
    ready: SimpleQueue[tuple[Relay, asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def carry() -> None:
        over = asyncio.Event()
        async with relaying(url) as made:
            ready.put((made, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(carry()))
    thread.start()
    relay, loop, over = ready.get(timeout=30)

    def cut() -> None:
        loop.call_soon_threadsafe(relay.cut)

    try:
        yield relay.url, cut
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def test_a_tab_that_sleeps_holds_nobody_up_and_wakes(
    tiny: Live, tabs: Tabs, browser: Browser, start: Callable[[Live, str], Page]
) -> None:
    start(tiny, "asleep")
    sleeper = tabs.open(browser, f"{tiny.url}/?stream=asleep")
    sleeper.wait_for_selector(".badge[data-state=live]")
    devtools = sleeper.context.new_cdp_session(sleeper)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    other = tabs.open(browser, f"{tiny.url}/?stream=asleep")
    other.wait_for_selector(".badge[data-state=live]")
    read = tiny.engine.stream("asleep").stats().frames_read
    ask(other, "what?")
    assert answered(other, 1)
    other.wait_for_timeout(2000)
    assert tiny.engine.stream("asleep").stats().frames_read > read
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    ask(sleeper, "what?")
    assert answered(sleeper, 1)
