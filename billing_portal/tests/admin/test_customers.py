"""«Create Customer» and the customer's «Subscriptions», as staff do it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, BillingProfile, Customer, Membership, Notice, UsageSubject
from core import clock
from invoices.models import Invoice
from plans.models import ScheduledChange, Subscription
from plans.services.open_default_subscription import open_default_subscription
from plans.tests.conftest import go_plus, send

pytestmark = pytest.mark.django_db

KEY = "cus_1234567890abcdef"


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


def new(**values):
    return {
        "key": KEY, "name": "Looking Glass Ltd", "subject_kind": "application", "subject": "app-7",
        "email": "billing@glass.example", "currency": "usd", "country": "FR", "line1": "1 rue", "city": "Paris",
        **values,
    }  # fmt: skip


# --- «Create Customer» -----------------------------------------------------------------------------------------------
def test_it_creates_a_customer_with_everything_that_belongs_to_one(as_clerk, clerk, catalogue):
    response = as_clerk.post(reverse("admin:customer_add"), new())

    customer = Customer.objects.get()
    assert response.headers["Location"] == reverse("admin:customer", args=[KEY])
    assert (customer.key, customer.currency) == (KEY, "USD")
    assert customer.billing_profile.recipients == ["billing@glass.example"]
    assert (customer.billing_profile.legal_name, customer.billing_profile.city) == ("Looking Glass Ltd", "Paris")
    assert sorted(UsageSubject.objects.values_list("subject", "kind")) == [("app-7", "application"), (KEY, "subject")]
    assert Subscription.objects.get().plan == catalogue.free
    assert {entry.actor for entry in AuditEntry.objects.filter(customer=customer)} == {clerk}
    assert not Membership.objects.exists()


def test_its_page_says_what_goes_with_its_mail(as_clerk, catalogue):
    as_clerk.post(reverse("admin:customer_add"), new())
    page, profiles = reverse("admin:customer", args=[KEY]), BillingProfile.objects.filter(customer__key=KEY)
    for chosen, said in (
        ({}, "PDF"),
        ({"attach_xml": True}, "PDF, E-invoice (XML)"),
        ({"attach_pdf": False, "attach_xml": False}, "Nothing"),
    ):
        profiles.update(**chosen)
        assert f"<dt>Attached to e-mails</dt><dd>{said}</dd>" in as_clerk.get(page).text


def test_it_creates_one_customer_however_often_the_form_is_sent(as_clerk, catalogue):
    for _ in range(2):
        assert as_clerk.post(reverse("admin:customer_add"), new()).status_code == 302
    assert Customer.objects.count() == 1
    assert AuditEntry.objects.filter(action="open_customer").count() == 1


def test_it_makes_another_key_for_each_form(as_clerk):
    keys = {re.search(r'name="key" value="(\w+)"', as_clerk.get(reverse("admin:customer_add")).text)[1] for _ in "ab"}
    assert len(keys) == 2


def test_it_invites_the_billing_admin_where_asked(as_clerk, catalogue):
    as_clerk.post(reverse("admin:customer_add"), new(invite="on"))
    assert Membership.objects.get().user.email == "billing@glass.example"
    assert Notice.objects.get().to == ["billing@glass.example"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "Name – This field is required."),
        ({"email": "nobody"}, "Billing e-mail – Enter a valid email address."),
        ({"currency": "XYZ"}, "Currency: “XYZ” is not an ISO 4217 code."),
        ({"subject": "taken"}, "Mapping: “taken” belongs to Wonder Ltd already."),
        ({"country": "QQ"}, "Country – Select a valid choice."),
    ],
)
def test_it_says_what_is_wrong_and_writes_nothing(as_clerk, catalogue, customer, values, said):
    UsageSubject.objects.create(customer=customer, subject="taken")
    response = as_clerk.post(reverse("admin:customer_add"), new(**values))
    assert response.status_code == 422
    assert said in response.text
    assert Customer.objects.count() == 1


def test_it_leads_from_the_list_to_the_customer_page(as_clerk, customer):
    page = as_clerk.get(reverse("admin:accounts_customer_changelist")).text
    assert "Create Customer" in page
    assert f'href="{reverse("admin:customer", args=[customer.key])}"' in page


# --- the tabs --------------------------------------------------------------------------------------------------------
def test_it_marks_the_tab_one_is_on(as_clerk, customer):
    page = as_clerk.get(reverse("admin:customer_audit", args=[customer.key])).text
    inner = page[page.index('aria-label="Customer"') :]
    labels = re.findall(r"<li><a href=\"[^\"]+\"( aria-current=\"page\")?>([^<]+)</a>", inner)
    assert [label for _current, label in labels] == [
        "Overview", "Subscriptions", "Credits", "Invoices", "Usage", "Audit",
    ]  # fmt: skip
    assert [label for current, label in labels if current] == ["Audit"]


def test_it_shows_plan_overdue_and_usage(as_clerk, customer, catalogue, seller, tmp_path, at):
    go_plus(customer, catalogue, at)
    with clock.travel_to(at + timedelta(days=2)):
        page = as_clerk.get(reverse("admin:customer_usage", args=[customer.key])).text
    assert "Plus v1" in page
    assert "Usage so far, before tax" in page
    assert "Overdue</dt><dd>Nothing" in page


def test_it_pages_through_the_audit_trail(as_clerk, clerk, customer, at):
    AuditEntry.objects.bulk_create(
        AuditEntry(at=at, actor=clerk, customer=customer, action=f"step_{n}", subject="x", after={"n": n})
        for n in range(60)
    )
    url = reverse("admin:customer_audit", args=[customer.key])
    first = as_clerk.get(url).text
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    second = as_clerk.get(url + older[1]).text
    steps = [int(step) for step in re.findall(r"<span>Step (\d+) ", first + second)]
    assert steps == list(range(59, -1, -1))


# --- «Subscriptions» -------------------------------------------------------------------------------------------------
@pytest.fixture
def free(customer, catalogue, seller, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    return customer


def form(plan, **values):
    return {"plan": plan.pk, "when": "now", "on": "", "reason": "Agreed by phone", "seen": "", **values}


def seen_in(response):
    return re.search(r'name="seen" value="([^"]*)"', response.text)[1]


def save(client, customer, values):
    """Preview, then «Save», like a person."""
    url = reverse("admin:customer_subscriptions_add", args=[customer.key])
    preview = client.post(url, {**values, "_preview": "1"})
    return client.post(url, {**values, "seen": seen_in(preview), "_save": "1"})


def test_it_begins_a_plan_now(as_clerk, clerk, free, catalogue):
    response = save(as_clerk, free, form(catalogue.plus))

    assert response.status_code == 302
    assert Subscription.objects.open().get().plan == catalogue.plus
    change = ScheduledChange.objects.get()
    assert (change.status, change.created_by, change.reason) == ("done", clerk, "Agreed by phone")
    assert AuditEntry.objects.get(action="schedule_change").reason == "Agreed by phone"


def test_it_begins_a_plan_on_a_day_ahead(as_clerk, free, catalogue):
    save(as_clerk, free, form(catalogue.plus, when="date", on="2026-11-01"))
    assert ScheduledChange.objects.get().effective_at == datetime(2026, 11, 1, tzinfo=UTC)
    page = as_clerk.get(reverse("admin:customer_subscriptions", args=[free.key])).text
    assert "Plus v1 begins" in page


def test_it_ends_a_plan_at_the_end_of_the_billing_period(as_clerk, customer, catalogue, seller, at):
    go_plus(customer, catalogue, at)
    save(as_clerk, customer, form(catalogue.free, when="period_end"))
    assert ScheduledChange.objects.get().effective_at == datetime(2026, 11, 20, tzinfo=UTC)


def test_it_puts_a_customer_under_contract(as_clerk, free, catalogue):
    url = reverse("admin:customer_subscriptions_add", args=[free.key])
    assert "A contract plan:" in as_clerk.post(url, form(catalogue.enterprise, _preview="1")).text
    save(as_clerk, free, form(catalogue.enterprise))
    free.refresh_from_db()
    assert free.payment_policy == "managed_by_contract"


def test_it_previews_the_closing_invoice_to_the_cent(as_clerk, customer, catalogue, seller, at):
    go_plus(customer, catalogue, at)
    send(customer, at + timedelta(hours=1), tokens=100_000)
    with clock.travel_to(at + timedelta(days=10)):
        url = reverse("admin:customer_subscriptions_add", args=[customer.key])
        preview = as_clerk.post(url, form(catalogue.free, _preview="1"))
        response = as_clerk.post(url, form(catalogue.free, seen=seen_in(preview), _save="1"))

    assert response.status_code == 302
    invoice = Invoice.objects.get()
    assert invoice.total > 0
    assert seen_in(preview) == f"{catalogue.free.pk}:at once:USD:{invoice.total}:0:0"
    assert f"${invoice.total / 100:.2f}" in preview.text


def test_it_saves_nothing_that_was_not_previewed(as_clerk, free, catalogue):
    url = reverse("admin:customer_subscriptions_add", args=[free.key])
    response = as_clerk.post(url, form(catalogue.plus, _save="1"))
    assert response.status_code == 409
    assert "Check the preview." in response.text
    assert not ScheduledChange.objects.exists()


def test_it_saves_nothing_that_moved_since_the_preview(as_clerk, customer, catalogue, seller, at):
    go_plus(customer, catalogue, at)
    url = reverse("admin:customer_subscriptions_add", args=[customer.key])
    with clock.travel_to(at + timedelta(days=10)):
        seen = seen_in(as_clerk.post(url, form(catalogue.free, _preview="1")))
        send(customer, at + timedelta(days=9), tokens=9_000_000)
        response = as_clerk.post(url, form(catalogue.free, seen=seen, _save="1"))
    assert response.status_code == 409
    assert "The figures have changed." in response.text
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"plan": ""}, "Plan – This field is required."),
        ({"reason": ""}, "Reason – This field is required."),
        ({"when": "date"}, "Date – Choose the day it begins."),
        ({"when": "date", "on": "2026-09-30"}, "Start: "),
    ],
)
def test_it_says_what_is_wrong_with_a_subscription(as_clerk, free, catalogue, values, said):
    url = reverse("admin:customer_subscriptions_add", args=[free.key])
    response = as_clerk.post(url, {**form(catalogue.plus), **values, "_preview": "1"})
    assert response.status_code == 422
    assert said in response.text


def test_it_says_that_the_customer_is_on_the_plan_already(as_clerk, free, catalogue):
    url = reverse("admin:customer_subscriptions_add", args=[free.key])
    assert "already on this plan" in as_clerk.post(url, form(catalogue.free, _preview="1")).text


def test_it_warns_where_a_payment_method_is_missing(as_clerk, free, catalogue):
    url = reverse("admin:customer_subscriptions_add", args=[free.key])
    assert "This plan needs a payment method" in as_clerk.post(url, form(catalogue.plus, _preview="1")).text


def test_it_asks_few_questions_for_a_preview(as_clerk, customer, catalogue, seller, at, django_assert_max_num_queries):
    go_plus(customer, catalogue, at)
    url = reverse("admin:customer_subscriptions_add", args=[customer.key])
    with django_assert_max_num_queries(24):
        assert as_clerk.post(url, form(catalogue.free, _preview="1")).status_code == 200
