"""Nothing immutable can be edited or deleted by a form, a bulk action or a crafted request, whoever sends it.

Every table that is registered with the staff site, every role, every way Django admin has of writing. Tables are
discovered: a new one is refused to everybody until it is said here who may write. Pages of our own have a file of
theirs.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.roles import CATALOG, EXPORT, MANAGE, READ, SUPPORT
from billing_portal.tests.admin.refusing import (
    DONE,
    MODELS,
    PEOPLE,
    REFUSED,
    SUPERUSER,
    Attempt,
    holds,
    key_of,
    row_of,
    sees,
    wrong_among,
)
from billing_portal.tests.admin.world import World, kept_apart

pytestmark = pytest.mark.django_db

# Who may write below the address of a table; nobody else may, and no other table is written so. Of plans, meters,
# features and requests to sales the pages there write by verbs, of plans the drafts alone; of an archive one is asked
# for. Who logs in, and with which rights, is up to superusers.
FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "invoices.seller": {"add": (MANAGE,), "change": (MANAGE,)},  # and its tax rates; documents keep a copy
    "invoices.archive": {"add": (READ, EXPORT)},
    "plans.salesinquiry": {"change": (SUPPORT,)},  # the work on it, never what was asked
    "plans.plan": {"add": (CATALOG,)},
    "usage.meter": {"add": (CATALOG,), "change": (CATALOG,)},
    "usage.feature": {"add": (CATALOG,), "change": (CATALOG,)},
    "accounts.user": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
    "auth.group": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
    "account.emailaddress": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
    "mfa.authenticator": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
}
OWN_LISTS = {"plans.salesinquiry"}  # pages that are only looked at: no actions


def writes(person: str, label: str, action: str) -> bool:
    wanted = FORMS.get(label, {}).get(action)
    return wanted is not None and holds(person, wanted)


# --- what is sent ----------------------------------------------------------------------------------------------------
def plausible(row: Model) -> dict[str, str]:
    """The row's own values, as a form would send them back."""
    return {name: text_of(value) for name, value in values_of(row)}


def crafted(row: Model) -> dict[str, str]:
    """Every value another one."""
    return {name: other_text(value) for name, value in values_of(row)}


def values_of(row: Model) -> Iterator[tuple[str, Any]]:
    for field in row._meta.concrete_fields:
        value = field.value_from_object(row)
        if not field.primary_key and not isinstance(value, bytes | memoryview):
            yield field.name, value


def text_of(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return "" if value is None else json.dumps(value) if isinstance(value, dict | list) else str(value)


def other_text(value: Any) -> str:
    if isinstance(value, bool):
        return "" if value else "on"
    if isinstance(value, int):
        return str(value + 1)
    return "2020-01-01" if isinstance(value, datetime | date) else f"{text_of(value)}x"


def with_inlines(model, row, staff):
    """The rows below it, each changed and asked to be deleted."""
    data = {}
    request = RequestFactory().get("/")
    request.user = staff
    for inline in admin.site._registry[model].inlines:
        formset = inline(model, admin.site).get_formset(request)
        prefix, below = formset.get_default_prefix(), formset.model._default_manager.filter(**{formset.fk.name: row})
        data |= {f"{prefix}-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS")}
        for number, one in enumerate(below):
            data |= {f"{prefix}-TOTAL_FORMS": str(number + 1), f"{prefix}-INITIAL_FORMS": str(number + 1)}
            data |= {f"{prefix}-{number}-{name}": value for name, value in crafted(one).items()}
            data |= {f"{prefix}-{number}-id": str(one.pk), f"{prefix}-{number}-DELETE": "on"}
    return data


def attempts(model: type[Model], row: Model, person: str, world: World, client: Client) -> Iterator[Attempt]:
    label, opts = model._meta.label_lower, model._meta
    sight = sees(person, label)
    may = {action: writes(person, label, action) for action in ("add", "change", "delete")}

    def url(page: str, *args: Any) -> str:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)

    def get(name: str, at: str, is_allowed: bool) -> Attempt:
        return Attempt(name, client, "get", at, {}, is_allowed)

    def post(name: str, at: str, data: dict[str, Any], is_allowed: bool) -> Attempt:
        return Attempt(name, client, "post", at, data, is_allowed)

    listed, one, add, delete = url("changelist"), url("change", key_of(row)), url("add"), url("delete", row.pk)
    yield get("the list", listed, sight)
    yield get("the row", one, sight)
    yield get("its history", url("history", row.pk), sight)
    yield get("the form to add", add, may["add"])
    yield get("the question before deleting", delete, may["delete"])
    below = with_inlines(model, row, world.people["staff"])
    for name, data, also in (
        ("changed", crafted(row) | below, True),
        ("as new", plausible(row) | below | {"_saveasnew": "1"}, may["add"] or label in OWN_LISTS),  # that is adding
        # Who may not save is refused before it is read what they send.
        *([("as it is", plausible(row) | below, True)] if may["change"] or may["add"] else []),
        ("in a popup", crafted(row) | below | {"_popup": "1"}, True),
    ):
        yield post(f"saved {name}", one, data, may["change"] and also)
        yield post(f"added {name}", add, data, may["add"])
    yield post("deleted", delete, {"post": "yes"}, may["delete"])
    yield post("deleted in a popup", delete + "?_popup=1", {"post": "yes"}, may["delete"])
    for name, data in in_bulk(model, row):
        is_form = name == "the list as a form"
        answers = frozenset(DONE | REFUSED if is_form else DONE)
        yield Attempt(name, client, "post", listed, data, sight and label not in OWN_LISTS, answers)


def in_bulk(model: type[Model], row: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every action there is, offered to this person or not; and the list as a form."""
    table: Any = admin.site._registry[model]
    for _function, action, _text in table._get_base_actions():
        chosen = {"action": action, "_selected_action": [row.pk], "index": "0", "post": "yes", "select_across": "1"}
        yield f"action {action}", chosen
    form = {f"form-0-{name}": value for name, value in crafted(row).items()} | {"form-0-id": str(row.pk)}
    yield "the list as a form", form | {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save"}


def test_there_is_a_row_of_every_table_that_staff_see(world):
    assert [model._meta.label for model in MODELS if row_of(model, world) is None] == []


def test_the_tables_that_must_stay_are_among_the_watched(world, fingerprint):
    watched = fingerprint()
    assert {
        *("invoices_invoice", "invoices_invoiceline", "invoices_payment", "invoices_refund", "invoices_document"),
        *("invoices_creditapplication", "invoices_creditstatement", "invoices_invoicesequence", "plans_ratecard"),
        *("credits_creditgrant", "credits_ledgertransaction", "credits_ledgerentry", "credits_creditcharge"),
        *("plans_subscription", "plans_ratedusage", "plans_plan", "usage_usageevent", "usage_usagehour"),
        *("accounts_auditentry", "accounts_paymentmethod", "accounts_billingprofile", "accounts_notice"),
    } <= {table for table, rows in watched.items() if rows}


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_it_refuses_whatever_a_form_or_an_action_could_change(model, person, world, clients, fingerprint):
    tried = attempts(model, row_of(model, world), person, world, clients[person])
    assert wrong_among(tried, fingerprint) == []


def test_what_was_asked_of_sales_stays_whoever_works_on_it(world, clients):
    [inquiry] = [row_of(model, world) for model in MODELS if model._meta.model_name == "salesinquiry"]
    url = reverse("admin:plans_salesinquiry_change", args=[inquiry.pk])
    form = {"key": f"ink_{'0' * 20}", "status": "contacted", "message": "Other words", "company": "Another"}
    for person in PEOPLE:
        with kept_apart():
            clients[person].post(url, form)
            inquiry.refresh_from_db()
            assert (inquiry.message, inquiry.company) == ("Please call.", "Wonder")
            assert (inquiry.status == "contacted") is holds(person, (SUPPORT,)), person
