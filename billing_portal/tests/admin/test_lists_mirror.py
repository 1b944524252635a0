"""The lists of staff over one customer's history, built once: found by what people know, and taken away as files."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts import staff_paging
from accounts.models import AuditEntry, Customer, User
from accounts.roles import METERING_AND_BILLING
from accounts.services.open_customer import open_customer
from accounts.services.park_customer import park_customer
from billing_portal.tests.admin.test_lists import NAMES, TABLES, TABS, a_customer, ages, list_url, rows_of
from billing_portal.tests.admin.world import kept_apart
from conftest import PASSWORD, a_seller, person, staff_person
from core import clock
from invoices.models import Invoice, Payment
from invoices.services.deliver_documents import deliver_documents
from invoices.tests.cast import open_invoice
from plans.seed import demo_catalogue

pytestmark = pytest.mark.django_db


class Mirrored(NamedTuple):
    staff: User
    clerk: User
    mirror: Customer
    other: Customer


@pytest.fixture(scope="module")
def at() -> datetime:
    return datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def mirrored(django_db_setup: None, django_db_blocker: Any, at: datetime) -> Iterator[Mirrored]:
    """Built before the first test and undone after the last; what a test adds is undone after itself."""
    with django_db_blocker.unblock(), kept_apart():
        staff = User.objects.create_superuser("staff@example.com", PASSWORD)
        clerk = staff_person("clerk@example.com", "Clara", METERING_AND_BILLING)
        a_seller()
        mirror = a_customer(1, demo_catalogue(at), at)
        deliver_documents(at=at)
        charlie = person("charlie@example.com", "Charlie")
        other = open_customer(name="Stranger Inc", user=charlie, at=at, actor=charlie)
        yield Mirrored(staff, clerk, mirror, other)


@pytest.fixture
def staff(mirrored):
    return mirrored.staff


@pytest.fixture
def clerk(mirrored):
    return mirrored.clerk


@pytest.fixture
def mirror(mirrored):
    return mirrored.mirror


@pytest.fixture
def other_customer(mirrored):
    return mirrored.other


def numbers_of(response):
    return [invoice.number for invoice in response.context["cl"].result_list]


def test_it_counts_no_further_than_people_page(monkeypatch, as_clerk, mirror):
    monkeypatch.setattr(staff_paging, "REACH", 1)
    # What the database thinks is its own affair: it looks at its tables when it likes.
    monkeypatch.setattr(staff_paging, "table_estimate", lambda table: -1)
    page = as_clerk.get(reverse("admin:invoices_invoice_changelist"))
    assert page.context["cl"].result_count == 1
    assert "More than 1 invoices" in page.text
    assert "The first 1 can be paged through." in page.text
    found = as_clerk.get(reverse("admin:accounts_customer_changelist"), {"q": "Mirror"})
    assert "1 customer" in found.text


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
