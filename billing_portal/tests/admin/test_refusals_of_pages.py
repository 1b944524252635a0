"""Every page of staff's own is for those of whom it is said here, and for nobody else – whatever is sent to it.

Pages are discovered: a new one fails until it is said here who may. What a role should be able to do is decided by
accounts/roles.py, not by what a page happens to ask for.
"""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.roles import CAPABILITIES, CATALOG, EXPORT, MANAGE, READ, SUPPORT
from accounts.staff_lists import StaffTable
from billing_portal.tests.admin.refusing import (
    MODELS,
    PEOPLE,
    SUPERUSER,
    Attempt,
    holds,
    key_of,
    patterns,
    row_of,
    seeing,
    wrong_among,
)
from billing_portal.tests.admin.world import World, kept_apart
from plans.models import Plan

pytestmark = pytest.mark.django_db

Wanted = tuple[tuple[str, ...], ...]  # all capabilities of one of these
NOBODY: Wanted = ()  # no such method
READERS, KEEPERS = ((READ,),), ((CATALOG,),)
MANAGERS, HELPERS = ((MANAGE,),), ((SUPPORT,),)
TAKERS = ((READ, EXPORT),)

# Address by name: for whom looking is, and for whom sending.
PAGES: dict[str, tuple[Wanted, Wanted]] = {
    "product_catalog": (READERS + KEEPERS, NOBODY),
    "billing": (READERS, NOBODY),
    "digest": (READERS, READERS),  # each for themselves
    # --- customers
    "customer_add": (MANAGERS, MANAGERS),
    "customer": (READERS, NOBODY),
    "customer_upcoming": (READERS, NOBODY),
    "customer_rename": (MANAGERS, MANAGERS),
    "customer_details": (MANAGERS, MANAGERS),
    "customer_subject_add": (MANAGERS, MANAGERS),
    "customer_subject_remove": (MANAGERS, MANAGERS),
    "customer_unpark": (MANAGERS, MANAGERS),
    "customer_run_again": (MANAGERS, MANAGERS),
    "customer_invite": (MANAGERS, MANAGERS),
    "customer_role": (MANAGERS, MANAGERS),
    "customer_person_remove": (MANAGERS, MANAGERS),
    "customer_invite_again": (HELPERS, HELPERS),  # sends again; who may come in stays as it is
    "customer_view": (HELPERS, HELPERS),
    "viewing_stop": (NOBODY, tuple((one,) for one in CAPABILITIES)),
    "customer_clock": (READERS, NOBODY),
    "customer_clock_start": (MANAGERS, MANAGERS),
    "customer_clock_move": (NOBODY, MANAGERS),
    "customer_clock_end": (MANAGERS, MANAGERS),
    "customer_clock_message": (READERS, NOBODY),
    "customer_clock_message_html": (READERS, NOBODY),
    "customer_usage": (READERS, NOBODY),
    "customer_usage_csv": (TAKERS, NOBODY),
    "customer_audit": (READERS, NOBODY),
    "customer_audit_csv": (TAKERS, NOBODY),
    "customer_explain": (READERS, NOBODY),
    "customer_explain_events": (TAKERS, NOBODY),
    # --- subscriptions
    "customer_subscriptions": (READERS, NOBODY),
    "customer_subscriptions_csv": (TAKERS, NOBODY),
    "customer_subscriptions_add": (MANAGERS, MANAGERS),
    "customer_subscriptions_cancel": (MANAGERS, MANAGERS),
    "customer_subscriptions_withdraw": (MANAGERS, MANAGERS),
    "customer_subscriptions_contract": (MANAGERS, MANAGERS),
    "customer_subscriptions_contact": (MANAGERS, MANAGERS),
    # --- credits
    "customer_credits": (READERS, NOBODY),
    "customer_credits_tx": (READERS, NOBODY),
    "customer_credits_tx_csv": (TAKERS, NOBODY),
    "customer_credits_grants_csv": (TAKERS, NOBODY),
    "customer_credits_grant": (MANAGERS, MANAGERS),
    "customer_credits_summary": (MANAGERS, MANAGERS),
    "customer_credits_adjust": (MANAGERS, MANAGERS),
    "customer_credits_void": (MANAGERS, MANAGERS),
    "customer_credits_pay": (MANAGERS, MANAGERS),
    "customer_credits_invoice": (READERS, NOBODY),
    "customer_top_up_stop": (MANAGERS, MANAGERS),
    # --- documents and money
    "customer_invoices": (READERS, NOBODY),
    "customer_invoices_csv": (TAKERS, NOBODY),
    "customer_invoices_charge": (MANAGERS, MANAGERS),
    "customer_invoices_take_back": (MANAGERS, MANAGERS),
    "invoices_invoice_charge": (MANAGERS, NOBODY),
    "invoices_invoice_issue": (MANAGERS, MANAGERS),
    "invoices_invoice_void": (MANAGERS, MANAGERS),
    "invoices_invoice_write_off": (MANAGERS, MANAGERS),
    "invoices_invoice_paid_outside": (MANAGERS, MANAGERS),
    "invoices_invoice_credit": (MANAGERS, MANAGERS),
    "invoices_invoice_pay_out": (MANAGERS, MANAGERS),
    "invoices_payment_refund": (MANAGERS, MANAGERS),
    "invoices_invoice_send_again": (HELPERS, HELPERS),
    "accounts_notice_send_again": (NOBODY, HELPERS),
    "invoices_invoice_document": (READERS, NOBODY),
    "invoices_invoice_xml": (READERS, NOBODY),
    "invoices_archive_zip": (TAKERS, NOBODY),
    "invoices_gatewayevent_replay": (NOBODY, MANAGERS),
    "invoices_correctionrequest_answer": (NOBODY, HELPERS),
    "invoices_chargequestion_answered": (NOBODY, HELPERS),
    "attention": (READERS, NOBODY),
    "attention_payment": (READERS, NOBODY),
    "attention_ask": (NOBODY, MANAGERS),
    "attention_retry": (NOBODY, MANAGERS),
    "attention_refund": (READERS, NOBODY),
    "attention_refund_ask": (NOBODY, MANAGERS),
    "attention_refund_again": (NOBODY, MANAGERS),
    # --- runs
    "runs": (READERS, NOBODY),
    "runs_minutely": (READERS, NOBODY),
    "runs_run": (READERS, NOBODY),
    "runs_parked": (READERS, NOBODY),
    "runs_books": (READERS, NOBODY),
    "runs_books_check": (NOBODY, ((READ, MANAGE), (READ, EXPORT))),  # auditors may ask, of what they may look at
    # --- the catalogue; what a contract needs is told below
    "plans_plan_publish": (KEEPERS, KEEPERS),
    "plans_plan_copy": (NOBODY, KEEPERS),
    "plans_plan_archive": (KEEPERS, KEEPERS),
    "plans_plan_migrate": (MANAGERS, MANAGERS),
    "plans_plan_migration": (READERS, NOBODY),
    "plans_plan_card_add": (KEEPERS, KEEPERS),
    "plans_plan_card_preview": (NOBODY, KEEPERS),
    "plans_plan_card_change": (KEEPERS, KEEPERS),
    "plans_plan_card_remove": (KEEPERS, KEEPERS),
    "auth_user_password_change": (((SUPERUSER,),), ((SUPERUSER,),)),
} | {  # the list as a file: for who looks at it, and may take it away
    f"{model._meta.app_label}_{model._meta.model_name}_csv": (
        tuple((*one, EXPORT) for one in seeing(model._meta.label_lower)),
        NOBODY,
    )
    for model in MODELS
    if isinstance(admin.site._registry[model], StaffTable)
}
CONTRACTS = ("publish", "copy", "archive", "card_add", "card_preview")  # pages of a plan, of one customer's alone
# Books the usage that is due, as the worker does each minute, so that the preview is what will be; nothing else.
SETTLING = {"customer_credits_summary"}
OF_A_TABLE = ("changelist", "add", "history", "delete", "change")
DJANGOS_OWN = {
    *("index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n"),
    *("view_on_site", "app_list", None),
    *(f"{model._meta.app_label}_{model._meta.model_name}_{page}" for model in MODELS for page in OF_A_TABLE),
}
OWN = {name: parameters for name, parameters in patterns(admin.site.get_urls()) if name and name not in DJANGOS_OWN}

LOOKED, SENT = frozenset({200, 302}), frozenset({200, 302, 303, 409, 422})
UNUSUAL = ("put", "patch", "delete")
ANY_ANSWER = frozenset(range(200, 500))  # to a method that no form sends: right where it writes nothing


def admits(person: str, wanted: Wanted) -> bool:
    return any(holds(person, one) for one in wanted)


def address_of(name: str, world: World) -> str:
    return world.address_of(name, OWN[name])


def addresses_of_tables(world: World) -> list[str]:
    """Django's own pages of every table that is registered, about a row that there is."""
    urls = []
    for model in MODELS:
        row = row_of(model, world)
        assert row is not None
        base, key = f"admin:{model._meta.app_label}_{model._meta.model_name}", key_of(row)
        urls += [reverse(f"{base}_{page}") for page in ("changelist", "add")]
        urls += [reverse(f"{base}_{page}", args=[key]) for page in ("history", "delete", "change")]
    return urls


def test_it_is_said_of_every_page_who_may():
    assert set(OWN) == set(PAGES)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_page_is_for_those_of_whom_it_is_said(name, world, clients, fingerprint):
    url, (looking, sending) = address_of(name, world), PAGES[name]
    tried = []
    for person in PEOPLE:
        client = clients[person]
        tried += [
            Attempt(f"get by {person}", client, "get", url, {}, admits(person, looking), LOOKED, name in SETTLING),
            Attempt(f"post by {person}", client, "post", url, {}, admits(person, sending), SENT, writes=True),
        ]
    # What no form sends changes nothing, not even for who may do everything.
    tried += [Attempt(method, clients["staff"], method, url, {}, True, ANY_ANSWER) for method in UNUSUAL]
    assert wrong_among(tried, fingerprint) == []


class Fields(HTMLParser):
    """What the forms of a page would send, filled in as far as they ask for text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {"reason": "Because", "_save": "1"}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        own = dict(attrs)
        name, value, kind = own.get("name", ""), own.get("value") or "", own.get("type")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and (self._select not in self.values or "selected" in own):
            self.values[self._select] = value
        elif tag == "textarea" or (tag == "input" and kind not in ("radio", "checkbox", "submit")):
            self.values.setdefault(name, value or "1")
        elif tag == "input" and kind == "radio" and (name not in self.values or "checked" in own):
            self.values[name] = value


WRITTEN = sorted(name for name, (_looking, sending) in PAGES.items() if sending)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_form_that_is_filled_in_is_refused_to_who_may_only_look(name, world, clients, fingerprint):
    url, (looking, sending) = address_of(name, world), PAGES[name]
    form = Fields(clients["staff"].get(url).text if looking else "").values
    tried = [
        Attempt(f"sent by {person}", clients[person], "post", url, form, admits(person, sending), SENT, writes=True)
        for person in PEOPLE
    ]
    assert wrong_among(tried, fingerprint) == []


def test_such_forms_are_carried_out_for_who_may(world, clients, fingerprint):
    """Else the test above would prove nothing: these change what must stay, when the right person sends them."""
    for name in ("customer_rename", "customer_unpark", "customer_invite_again", "invoices_invoice_void"):
        with kept_apart():
            url = address_of(name, world)
            form = Fields(clients["staff"].get(url).text).values
            assert clients["clerk"].post(url, form | {"name": "Another"}).status_code in (302, 303), name
            assert fingerprint() != fingerprint.before, name
    assert fingerprint() == fingerprint.before


# --- what the Catalog Manager must not learn --------------------------------------------------------------------------
@pytest.mark.parametrize("page", CONTRACTS)
def test_a_contract_is_managed_and_not_part_of_the_catalogue(page, world, clients, fingerprint):
    plan = world.contract if page != "archive" else Plan.objects.published().get(key=world.contract.key)
    url = reverse(f"admin:plans_plan_{page}", args=[plan.pk])
    looking = MANAGERS if PAGES[f"plans_plan_{page}"][0] else NOBODY
    tried = []
    for person in PEOPLE:
        client, may_send = clients[person], admits(person, MANAGERS)
        tried += [
            Attempt(f"get by {person}", client, "get", url, {}, admits(person, looking), LOOKED),
            Attempt(f"post by {person}", client, "post", url, {"reason": "Over"}, may_send, SENT, writes=True),
        ]
    assert wrong_among(tried, fingerprint) == []


def test_who_keeps_the_catalogue_learns_of_no_customer(world, clients):
    """Whatever they can open, lists and files included; and a search does not tell either."""
    urls = [address_of(name, world) for name in OWN if admits("cataloger", PAGES[name][0])]
    urls += [reverse("admin:index"), *addresses_of_tables(world)]
    urls += [f"{reverse('admin:plans_ratecard_changelist')}?q=Enterprise+of"]
    opened, told = 0, []
    for url in urls:
        response = clients["cataloger"].get(url)
        if response.status_code == 200:
            text = b"".join(response) if response.streaming else response.content
            opened += 1
            told += [url] if b"Wonder" in text or b"alice@" in text else []
    assert told == []
    assert opened > 20


# --- nobody else, and nothing forged ----------------------------------------------------------------------------------
@pytest.mark.parametrize("person", ["a stranger", "alice"])
def test_nobody_else_comes_in(person, world, clients, fingerprint):
    client, wrong = clients.get(person, Client()), []
    with kept_apart():
        for url in (*(address_of(name, world) for name in OWN), *addresses_of_tables(world), reverse("admin:index")):
            for method in ("get", "post", "delete"):
                response = getattr(client, method)(url)
                to_login = response.status_code == 302 and response["Location"].startswith("/admin/login/?")
                wrong += [] if to_login or response.status_code == 405 else [f"{method} {url}: {response.status_code}"]
        assert wrong == []
        assert fingerprint() == fingerprint.before


def test_customers_learn_there_that_it_is_for_staff_and_strangers_log_in(world, clients):
    url = address_of("customer", world)
    assert clients["alice"].get(url, follow=True).status_code == 403
    assert Client().get(url, follow=True).redirect_chain[-1][0].startswith(reverse("account_login"))


def test_it_refuses_what_is_sent_without_the_forms_own_token(world, clients, fingerprint):
    client, wrong = Client(enforce_csrf_checks=True), []
    client.force_login(world.people["staff"])
    with kept_apart():
        urls = [*(address_of(name, world) for name in OWN), *addresses_of_tables(world)]
        # An address is exempt or it is not, whatever the method.
        for method, url in [*(("post", url) for url in urls), *((method, urls[0]) for method in UNUSUAL)]:
            status = getattr(client, method)(url).status_code
            wrong += [] if status == 403 else [f"{method} {url}: {status}"]
        assert wrong == []
        assert fingerprint() == fingerprint.before


def test_it_takes_the_same_with_the_token(world, clients):
    client, url = Client(enforce_csrf_checks=True), address_of("customer_rename", world)
    client.force_login(world.people["staff"])
    with kept_apart():
        form = Fields(client.get(url).text).values
        assert client.post(url, form | {"name": "Another"}).status_code == 303
