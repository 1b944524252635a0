"""Nothing immutable can be edited or deleted by a form, a bulk action or a crafted request, whoever sends it.

Every table that is registered with the staff site, every role, every way Django admin has of writing; and every page
of our own. Tables and pages are discovered: a new one is refused to everybody until it is said here who may write.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse

from accounts.roles import CATALOG, CATALOG_TABLES, EXPORT, MANAGE, READ, ROLES, ROOMS, SUPPORT
from billing_portal.tests.admin.world import ROLES_OF, World, kept_apart
from invoices.models_archives import Archive

pytestmark = pytest.mark.django_db

PEOPLE = (*ROLES_OF, "staff")
SUPERUSER = "superuser"

# --- who may write by a form ----------------------------------------------------------------------------------------
# The only tables. Of plans, meters and features the pages write by verbs, of plans the drafts alone; of an archive
# one is asked for. Who logs in, and with which rights, is up to superusers.
FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    "accounts.customer": {"change": (MANAGE,)},  # the name, members, subjects
    "invoices.seller": {"add": (MANAGE,), "change": (MANAGE,)},  # and its tax rates; documents keep a copy
    "invoices.archive": {"add": (READ, EXPORT)},
    "plans.salesinquiry": {"change": (SUPPORT,)},  # the status
    "plans.plan": {"add": (CATALOG,)},
    "usage.meter": {"add": (CATALOG,), "change": (CATALOG,)},
    "usage.feature": {"add": (CATALOG,), "change": (CATALOG,)},
    "accounts.user": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
    "auth.group": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
    "account.emailaddress": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
    "mfa.authenticator": dict.fromkeys(("add", "change", "delete"), (SUPERUSER,)),
}
# Rows that the forms and actions above may change, and what only counts. Every other table stays as it is, to the byte.
FREE = {
    *("accounts_user", "accounts_user_groups", "accounts_user_user_permissions", "accounts_customer"),
    *("accounts_membership", "accounts_usagesubject", "accounts_apitoken", "plans_salesinquiry", "usage_meter"),
    *("usage_feature", "invoices_seller", "invoices_taxrate"),
    *("invoices_archive", "invoices_archiveentry", "invoices_archivepart"),
}
ONLY = {
    "plans_plan": "status <> 'draft'",
    "plans_ratecard": "plan_id IN (SELECT id FROM plans_plan WHERE status <> 'draft')",
    "plans_pricetier": "rate_card_id IN (SELECT c.id FROM plans_ratecard c JOIN plans_plan p ON p.id = c.plan_id"
    " WHERE p.status <> 'draft')",
    "accounts_auditentry": "id <= {newest}",  # appended to by the verbs
}

DONE, REFUSED = {200, 302, 303, 422}, {403, 405}


def holds(person: str, capabilities: tuple[str, ...]) -> bool:
    role = ROLES_OF.get(person)
    return person == "staff" or (role is not None and set(capabilities) <= set(ROLES[role]))


def sees(person: str, label: str) -> bool:
    if label == "invoices.archive":
        return holds(person, (READ, EXPORT))
    if label.partition(".")[0] not in ROOMS:
        return person == "staff"
    return holds(person, (READ,)) or (label in CATALOG_TABLES and holds(person, (CATALOG,)))


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


class Attempt(NamedTuple):
    """A request, and whether it is one that is answered – where not, it is refused."""

    name: str
    method: str
    url: str
    data: dict[str, Any]
    is_allowed: bool


def attempts(model: type[Model], row: Model, person: str, world: World) -> Iterator[Attempt]:
    label, opts = model._meta.label_lower, model._meta
    key = row.public_id if isinstance(row, Archive) else row.pk
    sight = sees(person, label)

    def url(page: str, *args: Any) -> str:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)

    may = {action: writes(person, label, action) for action in ("add", "change", "delete")}
    listed, one, add, delete = url("changelist"), url("change", key), url("add"), url("delete", row.pk)
    yield Attempt("the list", "get", listed, {}, sight)
    yield Attempt("the row", "get", one, {}, sight)
    yield Attempt("its history", "get", url("history", row.pk), {}, sight)
    yield Attempt("the form to add", "get", add, {}, may["add"])
    yield Attempt("the question before deleting", "get", delete, {}, may["delete"])
    below = with_inlines(model, row, world.people["staff"])
    for name, data, also in (
        ("as it is", plausible(row) | below, True),
        ("changed", crafted(row) | below, True),
        ("as new", plausible(row) | below | {"_saveasnew": "1"}, may["add"]),  # that is adding
        ("in a popup", crafted(row) | below | {"_popup": "1"}, True),
    ):
        yield Attempt(f"saved {name}", "post", one, data, may["change"] and also)
        yield Attempt(f"added {name}", "post", add, data, may["add"])
    yield Attempt("deleted", "post", delete, {"post": "yes"}, may["delete"])
    yield Attempt("deleted in a popup", "post", delete + "?_popup=1", {"post": "yes"}, may["delete"])
    yield from in_bulk(model, row, listed, sight)


def in_bulk(model, row, listed, sight):
    """Every action there is, offered to this person or not; and the list as a form."""
    for _function, action, _text in admin.site._registry[model]._get_base_actions():
        chosen = {"action": action, "_selected_action": [row.pk], "index": "0", "post": "yes", "select_across": "1"}
        yield Attempt(f"action {action}", "post", listed, chosen, sight)
    form = {f"form-0-{name}": value for name, value in crafted(row).items()} | {"form-0-id": str(row.pk)}
    form |= {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save"}
    yield Attempt("the list as a form", "post", listed, form, sight)


# --- what stays ------------------------------------------------------------------------------------------------------
def immutable_tables() -> list[str]:
    """Every table of the rooms but the free ones."""
    rooms = tuple(f"{room}_" for room in ROOMS)
    return sorted(
        name for name in connection.introspection.table_names() if name.startswith(rooms) and name not in FREE
    )


@pytest.fixture(scope="module")
def fingerprint(world):
    """A hash of all rows of each immutable table."""
    tables = immutable_tables()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM accounts_auditentry")
        [newest] = cursor.fetchone()
    statement = " UNION ALL ".join(
        f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"  # noqa: S608 - our own names
        f" WHERE {ONLY.get(table, 'true').format(newest=newest)}"
        for table in tables
    )

    def fingerprint():
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return dict(cursor.fetchall())

    return fingerprint


@pytest.fixture(scope="module")
def clients(world):
    clients = {name: Client() for name in (*PEOPLE, "alice")}
    for name, client in clients.items():
        client.force_login(world.people[name])
    return clients


def row_of(model: type[Model], world: World) -> Model | None:
    if model._meta.label_lower == "plans.plan":
        return world.published
    return model._default_manager.order_by("pk").first()


MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)


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
    before, wrong = fingerprint(), []
    for attempt in attempts(model, row_of(model, world), person, world):
        with kept_apart():
            status = getattr(clients[person], attempt.method)(attempt.url, attempt.data).status_code
            is_right = status in (DONE | REFUSED if attempt.name == "the list as a form" and attempt.is_allowed
                                  else DONE if attempt.is_allowed else REFUSED)  # fmt: skip
            wrong += [] if is_right else [f"{attempt.name}: {status}"]
            if attempt.method == "post" and status not in REFUSED:
                changed = [table for table, rows in fingerprint().items() if rows != before[table]]
                wrong += [f"{attempt.name}: changed {table}" for table in changed]
    assert wrong == []


def test_only_the_status_of_a_request_to_sales_is_worked_on(world, clients):
    """The one list that is a form."""
    [inquiry] = [row_of(model, world) for model in MODELS if model._meta.model_name == "salesinquiry"]
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "_save": "Save", "form-0-id": str(inquiry.pk)}
    form |= {"form-0-status": "closed", "form-0-message": "Other words"}
    for person in PEOPLE:
        with kept_apart():
            clients[person].post(reverse("admin:plans_salesinquiry_changelist"), form)
            inquiry.refresh_from_db()
            assert inquiry.message == "Please call."
            assert (inquiry.status == "closed") is holds(person, (SUPPORT,)), person


# --- pages of our own ------------------------------------------------------------------------------------------------
NOBODY = None  # no such method
# Address by name: one of these capabilities for looking, one of these for sending. Both of a pair in a pair.
PAGES: dict[str, tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]] = {
    "product_catalog": ((READ, CATALOG), NOBODY),
    "billing": ((READ,), NOBODY),
    "customer_add": ((MANAGE,), (MANAGE,)),
    "customer": ((READ,), NOBODY),
    "customer_subscriptions": ((READ,), NOBODY),
    "customer_subscriptions_add": ((MANAGE,), (MANAGE,)),
    "customer_credits": ((READ,), NOBODY),
    "customer_credits_tx": ((READ,), NOBODY),
    "customer_credits_tx_csv": (((READ, EXPORT),), NOBODY),
    "customer_credits_grant": ((MANAGE,), (MANAGE,)),
    "customer_credits_summary": ((MANAGE,), (MANAGE,)),
    "customer_credits_adjust": ((MANAGE,), (MANAGE,)),
    "customer_credits_void": ((MANAGE,), (MANAGE,)),
    "customer_credits_pay": ((MANAGE,), (MANAGE,)),
    "customer_invoices": ((READ,), NOBODY),
    "customer_usage": ((READ,), NOBODY),
    "customer_audit": ((READ,), NOBODY),
    "plans_plan_publish": ((CATALOG,), (CATALOG,)),
    "plans_plan_copy": (NOBODY, (CATALOG,)),
    "plans_plan_migrate": ((MANAGE,), (MANAGE,)),
    "plans_plan_card_add": ((CATALOG,), (CATALOG,)),
    "plans_plan_card_preview": (NOBODY, (CATALOG,)),
    "plans_plan_card_change": ((CATALOG,), (CATALOG,)),
    "plans_plan_card_remove": ((CATALOG,), (CATALOG,)),
    "invoices_archive_zip": (((READ, EXPORT),), NOBODY),
    "auth_user_password_change": ((SUPERUSER,), (SUPERUSER,)),
}
DJANGOS_OWN = {
    *("index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n"),
    *("view_on_site", "app_list", None),
    *(
        f"{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in MODELS
        for page in ("changelist", "add", "history", "delete", "change")
    ),
}


def patterns(entries):
    """(name, parameters) of every address below."""
    for entry in entries:
        if isinstance(entry, URLPattern):
            yield entry.name, list(entry.pattern.converters)
        else:
            yield from patterns(entry.url_patterns)


OWN = {name: parameters for name, parameters in patterns(admin.site.get_urls()) if name not in DJANGOS_OWN}


def admits(person: str, wanted: tuple[Any, ...] | None) -> bool:
    return any(holds(person, one if isinstance(one, tuple) else (one,)) for one in wanted or ())


def address_of(name: str, world: World) -> str:
    return reverse(f"admin:{name}", kwargs={parameter: world.names[parameter] for parameter in OWN[name]})


def test_it_is_said_of_every_page_who_may():
    assert set(OWN) == set(PAGES)


def is_as_said(status, method, is_admitted, fingerprint, before):
    """Let in or refused as it should be. An answer to a method that no form sends is right where it writes nothing."""
    if method in ("get", "post") or status >= 500 or status in REFUSED:
        return status < 500 and (status not in REFUSED) is is_admitted
    return fingerprint() == before


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_page_is_for_those_of_whom_it_is_said(name, world, clients, fingerprint):
    before, wrong = fingerprint(), []
    wanted = dict(zip(("get", "post"), PAGES[name], strict=True)) | {"put": NOBODY, "patch": NOBODY, "delete": NOBODY}
    for person in PEOPLE:
        for method, capabilities in wanted.items():
            with kept_apart():
                status = getattr(clients[person], method)(address_of(name, world)).status_code
                if not is_as_said(status, method, admits(person, capabilities), fingerprint, before):
                    wrong.append(f"{method} by {person}: {status}")
    assert wrong == []


@pytest.mark.parametrize("name", sorted(OWN))
def test_nobody_else_comes_in(name, world, clients):
    url = address_of(name, world)
    for client in (Client(), clients["alice"]):
        for method in ("get", "post"):
            with kept_apart():
                response = getattr(client, method)(url)
            assert response.status_code in (302, 405)
            assert response.status_code == 405 or "/admin/login/" in response["Location"]


def test_it_refuses_what_is_sent_without_the_forms_own_token(world, fingerprint):
    client, before = Client(enforce_csrf_checks=True), fingerprint()
    client.force_login(world.people["staff"])
    urls = [address_of(name, world) for name in OWN]
    urls += [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")
        for model in MODELS
        for page in ("add", "changelist")
    ]
    for url in urls:
        for method in ("post", "put", "patch", "delete"):
            assert getattr(client, method)(url).status_code == 403, f"{method} {url}"
    assert fingerprint() == before
