"""Where pictures come from, and what is said where they cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.page.conftest import chromium, free_port, until
from tests.integration.page.test_talking import answered, ask
from tests.support.service import Live, serve
from tests.support.tiny import TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, Playwright

    from tests.integration.page.conftest import Locked, Tabs


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
