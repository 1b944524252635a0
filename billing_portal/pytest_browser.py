"""pytest plugin: a real Chromium, one page per test, and no error in its console."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

from billing_portal.chromium import FLAGS, find_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.live_server_helper import LiveServer

# An invalid form and a stale one are answered with these; Chromium reports every such answer as an error.
EXPECTED: Final = ("status of 422", "status of 409")
# A question that a newer one, or the next page, has overtaken. What truly fails is told as another event as well.
OVERTAKEN: Final = ("htmx:sendAbort", "htmx:afterRequest")
# Chromium tells by an exception that it left out the fading of one page into the next; nothing else is lost.
SKIPPED_TRANSITION: Final = "Transition was aborted because of invalid state"
TIMEOUT: Final = 30_000  # ms; long, because a busy machine is no fault of the portal

# Playwright's synchronous interface keeps an event loop in this thread, which Django takes for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = find_chromium(playwright.chromium.executable_path)
        if program is None:
            _miss("no Chromium found; install one, for example: sudo apt-get install chromium-headless-shell")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def console_errors() -> Iterator[list[str]]:
    """What the browser complained about; a test that provokes an error takes it out of the list."""
    errors: list[str] = []
    yield errors
    assert not errors, f"errors in the browser's console: {errors}"


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, console_errors: list[str]) -> Iterator[Page]:
    """An empty page of a fresh browser profile; paths are relative to the live server.

    Pages do not fade into each other, which would cost more than half of a click; the walks through the whole house
    say `emulate_media(reduced_motion="no-preference")` and see them fade.
    """
    yield from _page(browser, live_server, console_errors, javascript=True)


@pytest.fixture
def page_without_js(browser: Browser, live_server: LiveServer, console_errors: list[str]) -> Iterator[Page]:
    yield from _page(browser, live_server, console_errors, javascript=False)


def _page(browser: Browser, live_server: LiveServer, errors: list[str], *, javascript: bool) -> Iterator[Page]:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=javascript, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()

    def note(message: ConsoleMessage) -> None:
        known = any(status in message.text for status in EXPECTED) or message.text.startswith(OVERTAKEN)
        if message.type == "error" and not known:
            errors.append(message.text)

    page.on("console", note)

    def note_exception(error: Error) -> None:
        if SKIPPED_TRANSITION not in str(error):
            errors.append(str(error))

    page.on("pageerror", note_exception)
    yield page
    context.close()


def _miss(reason: str) -> None:
    """Without a browser its tests are skipped, except where they are meant to run."""
    if os.environ.get("PORTAL_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
