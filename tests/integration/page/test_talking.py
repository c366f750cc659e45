"""Questions and answers in a real browser."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.page.conftest import PATIENCE, until
from tests.support.service import Live, serve
from tests.support.tiny import Bytes, TinyVideoLM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Browser, Page

    from tests.integration.page.conftest import Tabs

RUNNING = ".answer[data-status=in_progress] .text"
SEEN = {"cat": {"cat", "egyptian cat", "tabby"}, "espresso": {"espresso"}}


class Slow(Bytes):
    """A tokenizer that takes its time, as a large model does for each token."""

    def decode(self, ids: Sequence[int]) -> str:
        time.sleep(0.01)
        return super().decode(ids)


@pytest.fixture(scope="module")
def slow() -> Iterator[Live]:
    """Serve a model whose answers take seconds."""
    model = TinyVideoLM()
    model.tokenizer = Slow()
    with serve(model, stats_seconds=0.3) as running:
        yield running


def ask(page: Page, text: str) -> None:
    page.fill("#question", text)
    page.press("#question", "Enter")


def answered(page: Page, count: int) -> list[str]:
    """Wait for that many answers to be complete; return all that are."""
    done = ":is([data-status=completed], [data-status=incomplete]) .text"
    until(page, f"document.querySelectorAll({done!r}).length >= {count}")
    return page.locator(done).all_inner_texts()


def test_an_answer_stands_there_piece_by_piece_while_it_is_given(
    slow: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(slow, "pieces")
    page.evaluate(
        """() => {
          window.lengths = new Set();
          new MutationObserver(() => {
            const answer = document.querySelector(".answer[data-status=in_progress] .text");
            if (answer) window.lengths.add(answer.textContent.length);
          }).observe(document.querySelector("#answers"), { subtree: true, childList: true });
        }"""
    )
    ask(page, "what?")
    answered(page, 1)
    assert page.evaluate("window.lengths.size") > 3
    facts = page.locator(".facts").inner_text()
    assert "as of 0:" in facts
    assert "first word" in facts
    assert "tokens/s" in facts


def test_the_answer_changes_with_the_picture(
    live: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(live, "changes")
    said: set[str] = set()
    end = time.monotonic() + PATIENCE / 1000
    for count in range(1, 100):
        ask(page, "What do you see?")
        said.add(answered(page, count)[-1].lower().strip(" ."))
        if said >= {"espresso"} and said & SEEN["cat"]:
            break
        assert time.monotonic() < end, said
        page.wait_for_timeout(700)
    assert said & SEEN["cat"]
    assert said & SEEN["espresso"]
    assert page.locator(".strip .frame").count() > 0


def test_a_question_is_answered_while_another_answer_goes_on(
    slow: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(slow, "beside")
    ask(page, "first?")
    ask(page, "second?")
    until(page, f"document.querySelectorAll({RUNNING!r}).length === 2")
    assert all(answered(page, 2))


@pytest.mark.parametrize("how", ["Escape", "button"])
def test_stopping_ends_the_answer_and_keeps_what_was_said(
    slow: Live, start: Callable[[Live, str], Page], how: str
) -> None:
    page = start(slow, f"stop-{how}")
    ask(page, "what?")
    until(page, f"document.querySelector({RUNNING!r})?.textContent.length > 8")
    page.keyboard.press("Escape") if how == "Escape" else page.click(".answer .actions button")
    page.wait_for_selector(".answer[data-status=cancelled]")
    said = page.locator(".answer .text").inner_text()
    assert 8 <= len(said) < 256
    assert "stopped" in page.locator(".facts").inner_text()
    page.click("text=Ask again")
    page.wait_for_selector(".turn:nth-child(2) .answer")


def test_a_slash_leads_to_the_question_and_is_a_letter_in_it(
    tiny: Live, tabs: Tabs, browser: Browser
) -> None:
    page = tabs.open(browser, tiny.url)
    page.wait_for_selector("#link[data-state=connected]")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type("a/b")
    assert page.input_value("#question") == "a/b"
    assert page.is_disabled("#send")


def test_a_question_can_be_copied_for_a_terminal_and_then_gives_the_same(
    live: Live, start: Callable[[Live, str], Page]
) -> None:
    page = start(live, "copied")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "What do you see?")
    (said,) = answered(page, 1)
    page.click("text=curl")
    page.wait_for_selector("text=Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith(f"curl -N {live.url}/v1/chat/completions")
    assert '"stream":"copied"' in command
    page.click("text=Python")
    until(page, "navigator.clipboard.readText().then((t) => t.startsWith('import'))")
    code = page.evaluate("navigator.clipboard.readText()")
    assert f'connect("{live.url}")' in code
    compile(code, "copied", "exec")

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == said.strip()


@pytest.mark.slow
def test_ten_tabs_ask_at_once_and_the_stream_goes_on(
    live: Live, tabs: Tabs, browser: Browser, start: Callable[[Live, str], Page]
) -> None:
    first = start(live, "ten")
    others = [tabs.open(browser, f"{live.url}/?stream=ten") for _ in range(10)]
    for page in others:
        until(page, "!document.querySelector('#send').disabled")
    read = live.engine.stream("ten").stats().frames_read
    for page in others:
        ask(page, "What do you see?")
    for page in others:
        assert answered(page, 1)[0]
    first.wait_for_timeout(1500)
    assert live.engine.stream("ten").stats().frames_read > read
    assert first.locator(".answer").count() == 0  # others' answers are theirs


def test_a_link_leads_to_a_stream_and_its_question(
    live: Live, tabs: Tabs, browser: Browser, start: Callable[[Live, str], Page]
) -> None:
    start(live, "linked")
    page = tabs.open(browser, f"{live.url}/?stream=linked&q=What+do+you+see%3F")
    assert answered(page, 1)[0]
    assert page.locator(".turn .question").inner_text() == "What do you see?"
    assert page.inner_text("#about").startswith("about linked")
