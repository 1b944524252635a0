"""The lists of staff: quick whatever they hold, found by what people know, and taken away as files by who may."""

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import staff_paging
from accounts.models import AuditEntry, Customer, UsageSubject, User
from accounts.services.create_api_token import create_api_token
from accounts.services.open_customer import open_customer
from accounts.services.park_customer import park_customer
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
# What forms may write: people by superusers, the seller's own data, the state of a request, and what the customer
# page does not do yet.
WRITABLE = {"accounts.user", "invoices.seller"}
TABS = ("invoices", "subscriptions", "usage", "audit")
FILES = [*(f"customer_{tab}_csv" for tab in TABS), "customer_credits_tx_csv"]
SECRETS = ("token", "digest", "password", "content", "secret")


def list_url(model, page="changelist"):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")


def rows_of(response):
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def numbers_of(response):
    return [invoice.number for invoice in response.context["cl"].result_list]


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


@pytest.fixture
def mirror(catalogue, seller, at):
    customer = a_customer(1, catalogue, at)
    deliver_documents(at=at)
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


def test_it_counts_no_further_than_people_page(monkeypatch, as_clerk, mirror):
    monkeypatch.setattr(staff_paging, "REACH", 1)
    page = as_clerk.get(reverse("admin:invoices_invoice_changelist"))
    assert page.context["cl"].result_count == 1
    assert "More than 1 invoices" in page.text
    assert "The first 1 can be paged through." in page.text
    found = as_clerk.get(reverse("admin:accounts_customer_changelist"), {"q": "Mirror"})
    assert "1 customer" in found.text


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


# --- found by what people know -------------------------------------------------------------------------------------
@pytest.mark.parametrize("term", ["mirror", "ltd mirror", "KEY", "person1@EX", "mirror-1", "NUMBER", "4242"])
def test_it_finds_a_customer_by_what_people_know(as_clerk, mirror, other_customer, term):
    number = Invoice.objects.filter(number__isnull=False).earliest("pk").number
    asked = {"KEY": mirror.key[:12], "NUMBER": number}.get(term, term)
    page = as_clerk.get(reverse("admin:accounts_customer_changelist"), {"q": asked})
    assert list(page.context["cl"].result_list) == [mirror]


@pytest.mark.parametrize("term", ["nobody", "9999", "%", "_", "person", "' OR 1=1 --"])
def test_it_finds_nothing_by_something_else(as_clerk, mirror, term):
    page = as_clerk.get(reverse("admin:accounts_customer_changelist"), {"q": term})
    assert page.context["cl"].result_count == (1 if term == "person" else 0)


def test_it_finds_invoices_by_number_and_customer_and_no_others(as_clerk, mirror, other_customer, at):
    open_invoice(other_customer, 700, at=at)
    url, mine = (
        reverse("admin:invoices_invoice_changelist"),
        Invoice.objects.filter(customer=mirror, number__isnull=False),
    )
    number = mine.earliest("pk").number
    assert numbers_of(as_clerk.get(url, {"q": number})) == [number]
    for asked in ({"q": "mirror 1"}, {"q": mirror.key}, {"customer_key": mirror.key}):
        assert set(numbers_of(as_clerk.get(url, asked))) == set(mine.values_list("number", flat=True)), asked


@pytest.mark.parametrize(
    "asked",
    [
        {"customer_key": "cus_nobody"}, {"status__exact": "happy"}, {"overdue": "yes"}, {"billing_on_in": "2026-13"},
        {"billing_on_in": "9999-12-31"},
    ],
)  # fmt: skip
def test_it_leaves_a_filter_that_means_nothing(as_clerk, mirror, asked):
    assert as_clerk.get(reverse("admin:invoices_invoice_changelist"), asked).status_code == 302


@pytest.mark.parametrize(
    ("table", "asked"),
    [
        ("accounts_paymentmethod", {"token__startswith": "tok"}),
        ("accounts_apitoken", {"digest__startswith": "a"}),
        ("accounts_user", {"password__startswith": "pbkdf2"}),
        ("invoices_invoice", {"customer__users__password__startswith": "pbkdf2"}),
        ("invoices_invoice", {"customer_key": "\x00"}),
    ],
)
def test_it_lets_nobody_guess_what_is_not_shown(staff, log_in, mirror, table, asked):
    assert log_in(staff).get(reverse(f"admin:{table}_changelist"), asked).status_code == 400


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


def test_it_filters_by_the_words_that_the_badges_say(as_clerk, mirror, at):
    words = {"paid": "Paid", "past_due": "Past due", "processing": "Processing", "draft": "Being prepared"}
    card = Payment.objects.values_list("payment_method", flat=True)[0]
    unpaid = Invoice.objects.filter(status="open").latest("pk")
    Payment.objects.create(
        key="p", invoice=unpaid, customer=mirror, payment_method_id=card, gateway="sandbox", amount=1, currency="USD",
        automatic=False, created_at=at,
    )  # fmt: skip
    for value, word in words.items():
        with clock.travel_to(at + timedelta(days=90)):
            page = as_clerk.get(reverse("admin:invoices_invoice_changelist"), {"status__exact": value})
            shown = page.context["cl"].result_list
            said = {
                admin.site._registry[Invoice].status_text(invoice).split(" 2")[0].split(" ")[0] for invoice in shown
            }
        assert said <= {word.split(" ")[0]}, value
        assert shown or value in {"past_due", "draft"}, value


def test_it_calls_a_declined_invoice_past_due_before_its_day(as_clerk, seller, customer, alice, at):
    invoice = open_invoice(customer, 4900)
    Payment.objects.create(
        key="d", invoice=invoice, customer=customer, gateway="sandbox", amount=4900, currency="USD", automatic=True,
        created_at=at, status="declined",
    )  # fmt: skip
    with clock.travel_to(midnight(invoice.due_on)):
        assert ages(as_clerk, status__exact="past_due") == 1
        assert ages(as_clerk, overdue="1-7") == 0


def test_it_filters_by_month_and_day_in_utc(as_clerk, mirror, at):
    everything = ages(as_clerk)
    on = Invoice.objects.filter(number__isnull=False).earliest("pk").billing_on
    assert 0 < ages(as_clerk, billing_on_in=f"{on:%Y-%m}") <= everything
    assert ages(as_clerk, billing_on_in="2019-02") == 0
    payments = reverse("admin:invoices_payment_changelist")
    made = Payment.objects.latest("pk").created_at.astimezone(UTC)
    for asked, number in ((f"{made:%Y-%m-%d}", 1), (f"{made + timedelta(days=1):%Y-%m-%d}", 0)):
        assert (as_clerk.get(payments, {"created_at_in": asked}).context["cl"].result_count > 0) == bool(number)


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ({"plan": "plus"}, "mirror"), ({"plan": "free"}, ""), ({"card": "yes"}, "mirror"), ({"card": "no"}, "other"),
        ({"past_due": "yes"}, "mirror"), ({"past_due": "no"}, "other"), ({"parked_at__isempty": "0"}, "other"),
        ({"payment_policy__exact": "required"}, "mirror"), ({"currency": "USD"}, "mirror"),
    ],
)  # fmt: skip
def test_it_filters_customers_by_what_finance_asks(as_clerk, mirror, other_customer, at, asked, who):
    park_customer(customer_id=other_customer.pk, reason="no price", at=at)
    with clock.travel_to(at + timedelta(days=90)):
        page = as_clerk.get(reverse("admin:accounts_customer_changelist"), asked)
    wanted = {"mirror": [mirror], "other": [other_customer], "": []}[who]
    assert list(page.context["cl"].result_list) == wanted


def test_it_offers_the_actions_of_an_audit_that_happened(as_clerk, mirror):
    url = reverse("admin:accounts_auditentry_changelist")
    page = as_clerk.get(url, {"action": "finalize_invoice"})
    happened = AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()
    [spec] = [one for one in page.context["cl"].filter_specs if one.title == "action"]
    assert [value for value, _name in spec.lookup_choices] == list(happened)


# --- «Download CSV» ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", TABLES, ids=NAMES)
def test_it_gives_every_list_as_a_file(model, staff, log_in, mirror):
    response = log_in(staff).get(list_url(model, "csv"))
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Disposition"].endswith(f'-{clock.now():%Y-%m-%d}.csv"')
    rows = rows_of(response)
    assert len(rows) == model._default_manager.count()
    entry = AuditEntry.objects.get(action="export_list")
    assert (entry.actor, entry.customer, entry.after) == (staff, None, {"filters": {}})
    assert entry.subject == f"list:{model._meta.verbose_name_plural}"


def test_it_gives_the_rows_of_the_list_in_its_order_all_pages_of_it(monkeypatch, as_clerk, mirror, other_customer, at):
    monkeypatch.setattr(admin.site._registry[Invoice], "list_per_page", 1)
    for amount in (300, 100, 200):
        open_invoice(mirror, amount, at=at)
    open_invoice(other_customer, 900, at=at)
    shown = as_clerk.get(reverse("admin:invoices_invoice_changelist")).context["cl"].list_display
    asked = {"q": "mirror", "kind__exact": "invoice", "o": f"-{shown.index('total_text')}", "status__exact": "open"}
    rows = rows_of(as_clerk.get(reverse("admin:invoices_invoice_csv"), asked))
    totals = [float(row["total"]) for row in rows]
    assert len(totals) >= 4
    assert totals == sorted(totals, reverse=True)
    assert {row["customer_key"] for row in rows} == {mirror.key}
    entry = AuditEntry.objects.get(action="export_list")
    assert entry.after["filters"] == {name: [value] for name, value in asked.items()}


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


@pytest.mark.parametrize(("person", "is_offered"), [("clerk", True), ("auditor", True), ("supporter", False)])
def test_it_offers_the_file_to_who_may_take_it(person, is_offered, mirror, log_in, request):
    client = log_in(request.getfixturevalue(person))
    page = client.get(reverse("admin:invoices_invoice_changelist"), {"status__exact": "paid"}).text
    assert (f'href="{reverse("admin:invoices_invoice_csv")}?status__exact=paid"' in page) == is_offered
    for tab in TABS:
        url = reverse(f"admin:customer_{tab}_csv", args=[mirror.key])
        shown = client.get(reverse(f"admin:customer_{tab}", args=[mirror.key])).text
        assert (f'href="{url}"' in shown) == is_offered


@pytest.mark.parametrize("tab", TABS)
def test_it_gives_the_tabs_of_a_customer(tab, as_clerk, clerk, mirror, other_customer, at):
    open_invoice(other_customer, 100, at=at)
    response = as_clerk.get(reverse(f"admin:customer_{tab}_csv", args=[mirror.key]))
    assert mirror.key in response["Content-Disposition"]
    rows = rows_of(response)
    assert rows
    assert {row["customer_key"] for row in rows if "customer_key" in row} <= {mirror.key}
    entry = AuditEntry.objects.get(action="export_list")
    assert (entry.actor, entry.customer) == (clerk, mirror)


@pytest.mark.parametrize(
    ("person", "status"), [("supporter", 403), ("trainee", 403), ("cataloger", 403), ("alice", 302), ("auditor", 200)]
)
@pytest.mark.parametrize("page", FILES)
def test_it_keeps_the_tabs_files_from_others(page, person, status, customer, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse(f"admin:{page}", args=[customer.key])).status_code == status
