"""How a browser comes to a state, and stays in one that lasts a moment: for tests and for `manage.py states`."""

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from billing_portal.chromium import STILL, settle
from billing_portal.states.state import State
from billing_portal.states.telling import FIRST_LOOK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page, Response, Route

EVERYTHING = "**/*"
BUSY = "[data-once][aria-disabled=true], [aria-busy=true], .htmx-request"
# A form that is held back stays on its page: a page that waits for the next one can't be photographed.
HOLD_FORMS = "addEventListener('submit', event => event.preventDefault())"


@contextmanager
def looking_at(page: "Page", state: State) -> "Iterator[Response | None]":
    """The page in that state; yields the answer that brought it.

    At the end parts of pages that were held back come. A form is never sent: the story stays as it was told.
    """
    waiting: list[Route] = []

    def catch(route: "Route") -> None:
        if "hx-request" not in route.request.headers:
            route.continue_()
        elif state.answer == "held":
            waiting.append(route)
        else:
            route.fulfill(status=HTTPStatus.INTERNAL_SERVER_ERROR, body="")

    try:
        yield _come_to(page, state, catch)
    finally:
        if state.answer:
            for route in waiting:
                route.continue_()
            page.unroute(EVERYTHING)
            settle(page)


def _come_to(page: "Page", state: State, catch: "Callable[[Route], None]") -> "Response | None":
    if state.answer and not state.presses:
        page.route(EVERYTHING, catch)
    answer = _open(page, state)
    if state.presses:
        settle(page)
        page.route(EVERYTHING, catch)
        page.evaluate(HOLD_FORMS)
        _press(page, state)
    if state.answer == "held":
        page.wait_for_selector(BUSY, state="attached")
        page.evaluate(STILL)
    else:
        settle(page)
    return answer


def _open(page: "Page", state: State) -> "Response | None":
    answer = page.goto(f"/styleguide/states/{state.name}/", timeout=FIRST_LOOK)
    if state.is_direct:
        return answer
    with page.expect_navigation() as sent:
        page.get_by_test_id("send-state").click()
    return sent.value


def _press(page: "Page", state: State) -> None:
    main = page.locator("main")
    for field, text in state.types:
        main.locator(f"[name={field}]").fill(text)
    button, link = (main.get_by_role(role, name=state.presses, exact=True) for role in ("button", "link"))
    button.or_(link).click()
