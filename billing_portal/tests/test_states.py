"""Every state of every page: it is there, it shows what makes it that state, and it keeps nobody out."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from playwright.sync_api import Error

from accounts.models import User
from billing_portal.chromium import dress, photograph
from billing_portal.states.looking import BUSY, looking_at
from billing_portal.states.registry import MISSING, NEVER, PAGES, SITUATIONS, STATES
from billing_portal.states.telling import STORIES, tell
from billing_portal.tests.counting import HEADER
from billing_portal.tests.drawn import covered
from billing_portal.tests.looks import EVERY, LOOKS, problems
from billing_portal.tests.sums import adrift

LIST = "/styleguide/states/"
ONLY = os.environ.get("STATES", "")  # words with commas: names that contain one, while they are worked on
SHOTS = os.environ.get("SCREENSHOTS", "")  # a folder: what was looked at is kept there
# What had no state when the grid was first filled. Who shows one more takes it out here and there; none is added.
MISSING_AT_MOST = {"plans/empty", "portal/error", "invoice/credit-only", "grant/empty"}
QUERIES = 15  # without exception


def test_every_cell_of_the_grid_has_a_state_or_a_reason():
    cells = {f"{page}/{situation}" for page in PAGES for situation in SITUATIONS}
    assert cells - STATES.keys() == set(MISSING) | NEVER
    assert not MISSING.keys() & STATES.keys()
    assert not NEVER & STATES.keys()
    assert all(MISSING.values())


def test_the_list_of_what_is_missing_only_shrinks():
    assert MISSING.keys() <= MISSING_AT_MOST


def test_every_story_is_looked_at_and_every_likeness_leads_to_a_state():
    assert {state.story for state in STATES.values()} == STORIES.keys()
    assert {state.looks_like for state in STATES.values() if state.looks_like} <= STATES.keys()


def test_the_list_links_every_state(client, db):
    page = client.get(LIST).content.decode()
    assert [name for name in STATES if f'href="{LIST}{name}/"' not in page] == []


@pytest.mark.parametrize("name", ["", *(f"{name}/" for name in ("overview/active", "grant/credit-only"))])
def test_nobody_gets_in_by_it_where_people_bill_for_real(client, db, settings, name):
    settings.DEBUG = settings.DEMO = False
    assert client.get(LIST + name).status_code == 404
    assert not User.objects.exists()
    assert "_auth_user_id" not in client.session


def test_a_state_that_nobody_knows_is_not_found(client, db):
    assert client.get(f"{LIST}overview/nirvana/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_story_is_told_once(client):
    for _look in range(2):
        assert client.get(f"{LIST}overview/free/").headers["Location"] == reverse("billing_overview")
    assert User.objects.count() == 1
    assert client.get(reverse("billing_overview")).status_code == 200  # as the person of the story


@pytest.mark.django_db(transaction=True)
def test_a_story_that_broke_off_is_not_taken_for_one_that_was_told(client, monkeypatch):
    monkeypatch.setitem(STORIES, "free", lambda _scene: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tell("free")
    monkeypatch.undo()
    assert client.get(f"{LIST}overview/free/").status_code == 409


def test_the_command_knows_no_other_state(tmp_path):
    with pytest.raises(CommandError, match="no state is called overview/nirvana"):
        call_command("states", "overview/nirvana", into=tmp_path)


@pytest.mark.longest
@pytest.mark.django_db(transaction=True)
def test_every_state_shows_itself_and_keeps_nobody_out(page, console_errors):
    """One browser and one database for all of them: a story is told for every page that it leads to."""
    dress(page)
    wrong = {}
    for name, state in STATES.items():
        if any(word in name for word in ONLY.split(",")) and (found := look_on(page, state)):
            wrong[name] = found
    console_errors[:] = [error for error in console_errors if "tatus" not in error]  # what `look` has compared
    assert wrong == {}, "\n".join(f"{name}: {found}" for name, found in wrong.items())
    if not ONLY:
        call_command("check_books")


def look_on(page, state):
    """As `look`, which goes on with the next one where the browser gives up."""
    try:
        return look(page, state)
    except (Error, AssertionError) as gave_up:
        return [str(gave_up), page.url]


def mistitled(page):
    """A title says what the heading says, and that something is wrong: for whoever hears it or has many pages open."""
    heading = " ".join(page.locator("h1").first.text_content().split())
    error = "Error: " if page.locator(".summary").count() else ""
    return [] if page.title().startswith(f"{error}{heading} – ") else [f"is titled {page.title()}"]


def asks_much(state, answer):
    """A page of a customer that asks the database more than it may."""
    asked = int(answer.headers[HEADER.lower()])
    if state.who == "staff" or answer.request.method != "GET":
        return []
    return [f"asks {asked} questions, not {QUERIES}"] if asked > QUERIES else []


def look(page, state):
    """What is wrong with it, and then what it says instead."""
    dress(page)
    with looking_at(page, state) as answer:
        text = " ".join(page.locator("body").inner_text().split())
        found = [f"does not say: {words}" for words in state.shows if words not in text]
        if answer.status != state.status:
            found.append(f"answers {answer.status}")
        if state.who != "staff" and not state.presses:
            found += mistitled(page)
        found += asks_much(state, answer)
        if state.page == "overview":
            found += adrift(page.content())
        if not state.looks_like:
            photograph(page, Path(SHOTS), state.name, LOOKS if SHOTS else ())
            found += [*covered(page), *problems(page, EVERY), *covered(page)]  # wide, and narrow as the last look is
        if state.answer == "held" and not page.locator(BUSY).count():
            found.append("is not busy")
    if page.locator("[data-busy]").count():
        found.append("stays busy")
    return found and [*found, page.url, text]
