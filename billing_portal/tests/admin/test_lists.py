"""The lists of staff: quick whatever they hold, found by what people know, and taken away as files by who may."""

import csv
import io
from datetime import date, datetime, timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import staff_paging
from accounts.models import AuditEntry, Customer, UsageSubject, User
from accounts.services.create_api_token import create_api_token
from accounts.services.open_customer import open_customer
from accounts.staff_lists import LookOnly, StaffTable
from accounts.tests.cards import add_card
from core import clock
from core.periods import midnight
from invoices.models import Invoice, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import open_invoice
from plans.models import SalesInquiry
from plans.tests.conftest import cancel_quote, go_plus, send

pytestmark = pytest.mark.django_db

ROOMS = ("plans", "invoices", "credits", "usage", "accounts")
TABLES = [model for model in admin.site._registry if model._meta.app_label in ROOMS]
NAMES = [model._meta.label_lower for model in TABLES]
# What forms may write: people by superusers, and the seller's own data.
WRITABLE = {"accounts.user", "invoices.seller"}
TABS = ("invoices", "subscriptions", "usage", "audit")
FILES = [*(f"customer_{tab}_csv" for tab in TABS), "customer_credits_tx_csv", "customer_credits_grants_csv"]
SECRETS = ("token", "digest", "password", "content", "secret")


def list_url(model, page="changelist"):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")


def rows_of(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def a_customer(number, catalogue, at):
    """On Plus with card, usage, an invoice that was paid and one that is open."""
    user = User.objects.create_user(f"person{number}@example.com")
    customer = open_customer(name=f"Mirror {number} Ltd", user=user, at=at, actor=user)
    add_card(customer, user, at)
    go_plus(customer, catalogue, at)
    send(customer, at, requests=2, tokens=5)
    UsageSubject.objects.create(customer=customer, subject=f"mirror-{number}")
    create_api_token(customer=customer, name="Gateway", at=at, actor=user)
    paid = open_invoice(customer, 4900, at=at)
    payment = collect_payment(invoice_id=paid.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    open_invoice(customer, 1200, at=at)
    cancel_quote(customer, at + timedelta(hours=1))
    SalesInquiry.objects.create(
        customer=customer, user=user, name="=1+1", email="a@example.com", company="Mirror", message="Hi", created_at=at
    )
    return customer


# --- the same few queries ------------------------------------------------------------------------------------------
@pytest.fixture
def asked_of_every_list(log_in, staff, catalogue, seller, at):
    """The statements of each list with a customer's rows, then with those of four more."""

    def ask():
        client, found = log_in(staff), {}
        for name, model in zip(NAMES, TABLES, strict=True):
            with CaptureQueriesContext(connection) as asked:
                assert client.get(list_url(model), {"q": ""}).status_code == 200
            found[name] = len(asked)
        return found

    a_customer(0, catalogue, at)
    deliver_documents(at=at)
    few = ask()
    for number in range(1, 5):
        a_customer(number, catalogue, at)
    deliver_documents(at=at)
    return few, ask()


def test_it_asks_the_same_whatever_a_list_holds(asked_of_every_list):
    few, many = asked_of_every_list
    assert many == few
    assert {name: number for name, number in many.items() if number > 12} == {}


@pytest.mark.parametrize("model", TABLES, ids=NAMES)
def test_it_has_one_base_for_every_table(model):
    own = admin.site._registry[model]
    assert isinstance(own, StaffTable)
    assert isinstance(own, LookOnly) != (model._meta.label_lower in WRITABLE)
    assert own.list_select_related is not True
    assert own.date_hierarchy is None, "it reads the whole table for its years"
    assert own.csv_columns


@pytest.mark.parametrize("model", TABLES, ids=NAMES)
def test_it_never_exports_a_secret(model):
    columns = [getattr(column, "path", column) for column in admin.site._registry[model].csv_columns]
    assert [column for column in columns for secret in SECRETS if secret in column.rpartition("__")[2]] == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [(1_234_567, "about 1,200,000 invoices"), (10_001, "about 10,000 invoices"), (-1, "more than 10,000")],
)
def test_it_says_no_more_than_an_estimate_knows(monkeypatch, rows, said):
    paginator = staff_paging.BoundedPaginator(Invoice.objects.order_by("pk"), 50)
    monkeypatch.setattr(staff_paging.BoundedPaginator, "found", staff_paging.REACH + 1)
    monkeypatch.setattr(staff_paging, "table_estimate", lambda table: rows)
    assert said in paginator.words


def test_it_asks_about_instants_in_words(as_clerk, customer):
    page = as_clerk.get(reverse("admin:accounts_customer_changelist"))
    [spec] = [one for one in page.context["cl"].filter_specs if one.title == "parked"]
    words = [(choice["display"], choice["query_string"]) for choice in spec.choices(page.context["cl"])]
    assert words == [("All", "?"), ("No", "?parked_at__isempty=1"), ("Yes", "?parked_at__isempty=0")]


# --- filters in the words of the badge -----------------------------------------------------------------------------
DUE = date(2026, 10, 20)


def ages(client, **asked):
    page = client.get(reverse("admin:invoices_invoice_changelist"), asked)
    assert page.status_code == 200
    return page.context["cl"].result_count


@pytest.mark.parametrize(
    ("days", "age"),
    [(0, None), (1, "1-7"), (7, "1-7"), (8, "8-30"), (30, "8-30"), (31, "31-60"), (60, "31-60"), (61, "over-60")],
)
def test_it_tells_how_long_an_invoice_is_past_due(as_clerk, seller, customer, days, age):
    due = open_invoice(customer, 4900).due_on
    with clock.travel_to(midnight(due + timedelta(days=days)) + timedelta(hours=9)):
        found = {name: ages(as_clerk, overdue=name) for name in ("1-7", "8-30", "31-60", "over-60")}
        assert [name for name, number in found.items() if number] == ([age] if age else [])
        assert ages(as_clerk, status__exact="past_due") == (1 if age else 0)
        assert ages(as_clerk, status__exact="open") == 1


def test_it_calls_a_declined_invoice_past_due_before_its_day(as_clerk, seller, customer, alice, at):
    invoice = open_invoice(customer, 4900)
    Payment.objects.create(
        key="d", invoice=invoice, customer=customer, gateway="sandbox", amount=4900, currency="USD", automatic=True,
        created_at=at, status="declined",
    )  # fmt: skip
    with clock.travel_to(midnight(invoice.due_on)):
        assert ages(as_clerk, status__exact="past_due") == 1
        assert ages(as_clerk, overdue="1-7") == 0


# --- «Download CSV» ------------------------------------------------------------------------------------------------
def test_it_writes_amounts_in_major_units_and_instants_in_utc(as_clerk, seller, customer, at):
    invoice = open_invoice(customer, 4950, at=at)
    [row] = rows_of(as_clerk.get(reverse("admin:invoices_invoice_csv")))
    assert (row["subtotal"], row["left"], row["currency"], row["number"]) == ("49.5", "49.5", "USD", invoice.number)
    entries = rows_of(as_clerk.get(reverse("admin:accounts_auditentry_csv")))
    assert entries[0]["at"].endswith("Z")
    assert datetime.fromisoformat(entries[0]["at"]).tzinfo


def test_it_writes_no_formula(as_clerk, customer):
    Customer.objects.filter(pk=customer.pk).update(name='=HYPERLINK("http://evil")', parked_reason=" @SUM(1)")
    [row] = rows_of(as_clerk.get(reverse("admin:accounts_customer_csv")))
    assert (row["name"], row["parked_reason"]) == ('\'=HYPERLINK("http://evil")', "' @SUM(1)")


def test_it_reads_the_rows_by_a_cursor_while_they_are_sent(as_clerk, customer):
    response = as_clerk.get(reverse("admin:accounts_customer_csv"))
    assert next(iter(response.streaming_content)).startswith(b"key,name,currency")


@pytest.mark.parametrize(
    ("person", "table", "status"),
    [
        ("clerk", "invoices_invoice", 200), ("auditor", "invoices_invoice", 200),
        ("supporter", "invoices_invoice", 403),
        ("trainee", "invoices_invoice", 403), ("cataloger", "invoices_invoice", 403), ("cataloger", "plans_plan", 200),
        ("alice", "invoices_invoice", 302),
    ],
)  # fmt: skip
def test_it_gives_files_to_who_may_take_them(person, table, status, customer, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse(f"admin:{table}_csv")).status_code == status
    assert client.post(reverse(f"admin:{table}_csv")).status_code in {403, 405, 302}
    assert AuditEntry.objects.filter(action="export_list").count() == (status == 200)


@pytest.mark.parametrize(
    ("person", "status"), [("supporter", 403), ("trainee", 403), ("cataloger", 403), ("alice", 302), ("auditor", 200)]
)
@pytest.mark.parametrize("page", FILES)
def test_it_keeps_the_tabs_files_from_others(page, person, status, customer, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse(f"admin:{page}", args=[customer.key])).status_code == status
