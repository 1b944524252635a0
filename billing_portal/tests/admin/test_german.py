"""Every page of staff in German: whoever chose it reads no English sentence of the catalogues."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Notice
from billing_portal.catalogues import ROOMS, kept
from billing_portal.tests.admin.refusing import MODELS
from billing_portal.tests.admin.test_refusals_of_pages import PAGES, WRITTEN, Fields, address_of
from billing_portal.tests.admin.world import World, kept_apart
from invoices.models import GatewayEvent, InvoiceLine
from invoices.models_archives import Archive

pytestmark = pytest.mark.django_db

# Kept in English whoever reads it: how documents were chosen, and what people and processors wrote.
KEPT = frozenset({"All documents"})
ROOMS_TABLES = [model for model in MODELS if model._meta.app_label in ROOMS]
AS_SENT = {"customer_clock_message_html"}  # a message in the language it was sent in
LOOKED_AT = sorted(name for name, (looking, _sending) in PAGES.items() if looking and name not in AS_SENT)


class Texts(HTMLParser):
    """The texts of a page, each without the space around it; codes and raw data are no words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        heard = ("aria-label", "placeholder", "title", "data-label", "data-once")
        self.found |= {str(value) for name, value in attrs if name in heard and value}

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "pre", "code"}.intersection(self._inside):
            self.found.add(" ".join(data.split()))


@pytest.fixture(scope="module")
def english() -> frozenset[str]:
    """What stands in the catalogues as one text and is said otherwise in German."""
    said = {message.id: message.string for room in ROOMS for message in kept(room, "de") if isinstance(message.id, str)}
    plain = {text for text, german in said.items() if text and german != text and "%(" not in text and "<" not in text}
    return frozenset(text for text in plain if " " in text) - KEPT


def left_in_english(client: Client, url: str, english: frozenset[str]) -> set[str]:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    response = client.get(url)
    if response.streaming or not response["Content-Type"].startswith("text/html") or response.status_code != 200:
        return set()
    page = response.content.decode()
    assert re.search(r'<html lang="de"', page) or "<html" not in page, url
    return {text for text in Texts(page).found if unescape(text) in english}


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_says_nothing_in_english(name: str, world: World, clients: Any, english: frozenset[str]) -> None:
    assert left_in_english(clients["staff"], address_of(name, world), english) == set()


@pytest.mark.parametrize("model", ROOMS_TABLES, ids=lambda model: model._meta.label_lower)
def test_a_list_says_nothing_in_english(model: Any, world: World, clients: Any, english: frozenset[str]) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert left_in_english(clients["staff"], url, english) == set()


def test_the_work_list_says_nothing_in_english(world: World, clients: Any, english: frozenset[str]) -> None:
    assert left_in_english(clients["staff"], reverse("admin:index"), english) == set()


def test_files_and_what_is_noted_of_them_stay_english(world: World, clients: Any) -> None:
    client = clients["staff"]
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    response = client.get(reverse("admin:invoices_creditapplication_csv"))
    assert "credit-applications-" in response["Content-Disposition"]
    assert b"".join(response).startswith(b"key,credit_note_number")


# What verbs write in words, and people read later in their own language.
WRITTEN_DOWN = {
    AuditEntry: ("action", "subject", "before", "after", "reason"),
    InvoiceLine: ("title", "detail"),
    Notice: ("template", "context"),
    GatewayEvent: ("effect",),
    Archive: ("selection",),
}
PASSING = re.compile(r"[a-z]+_[0-9a-z]{20}|[0-9a-f]{16,}|\w*\d\w*")  # ids and numbers, which every row has of its own


def kept_by(client: Client, name: str, world: World, language: str) -> set[str]:
    """Everything that is written down after the form was sent in that language, without what is undone afterwards."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    url = address_of(name, world)
    with kept_apart():
        form = {"reason": "Because", "_save": "1"}
        if PAGES[name][0]:
            form = Fields(client.get(url).text).values
        answer = client.post(url, form | {"name": "Another"})
        if not answer.headers.get("Location"):  # a preview, or figures that have to be seen first
            client.post(url, form | {"name": "Another"} | Fields(answer.text).values)
        rows = (row for model, columns in WRITTEN_DOWN.items() for row in model._default_manager.values_list(*columns))
        return {PASSING.sub("#", str(row)) for row in rows}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_kept_is_the_same_whoever_sends_the_form(name: str, world: World, clients: Any) -> None:
    assert kept_by(clients["staff"], name, world, "de") == kept_by(clients["staff"], name, world, "en")
