"""«Cancel Plan», withdrawing and «New contract» on the customer's page of staff; and forms that are sent twice."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from core import clock
from invoices.models import Invoice
from plans.models import Plan, ScheduledChange, Subscription
from plans.services.open_default_subscription import open_default_subscription
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import go_plus, send

pytestmark = pytest.mark.django_db
FORMS = ["cancel", "contract", "add", "contact"]


@pytest.fixture
def plus(customer, catalogue, seller, at):
    """`customer` on Plus for ten days, with a balance of usage."""
    go_plus(customer, catalogue, at)
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    with clock.travel_to(at + timedelta(days=10)):
        yield customer


def url_of(customer, name):
    return reverse(f"admin:customer_subscriptions_{name}", args=[customer.key])


def hidden(response, **values):
    names = {name: re.search(rf'name="{name}" value="([^"]*)"', response.text)[1] for name in ("key", "seen")}
    return {**names, "when": "now", "on": "", "reason": "Asked by phone", **values}


def saved(client, url, **values):
    """Preview, then «Save», like a person; and the values that were sent."""
    preview = client.post(url, hidden(client.get(url), _preview="1", **values))
    sent = hidden(preview, _save="1", **values)
    return client.post(url, sent), sent, preview


# --- «Cancel Plan» ---------------------------------------------------------------------------------------------------
def test_it_cancels_now_with_the_closing_invoice_it_has_shown(as_clerk, clerk, plus, catalogue):
    response, _sent, preview = saved(as_clerk, url_of(plus, "cancel"))
    assert response.status_code == 302
    invoice = Invoice.objects.get()
    assert f"${invoice.total / 100:.2f}" in preview.text
    assert "alice@example.com" in preview.text
    assert "a day after it is issued" in preview.text
    assert Subscription.objects.open().get().plan == catalogue.free
    assert AuditEntry.objects.get(action="schedule_change").reason == "Asked by phone"


def test_it_cancels_at_the_end_of_the_period(as_clerk, plus, catalogue):
    saved(as_clerk, url_of(plus, "cancel"), when="period_end")
    change = ScheduledChange.objects.get()
    assert (change.plan, change.status) == (catalogue.free, "scheduled")
    assert Subscription.objects.open().get().plan == catalogue.plus


def test_the_preview_has_tax_and_credit_as_the_invoice(as_clerk, plus):
    plus.billing_profile.country = "FR"
    plus.billing_profile.save()
    page = as_clerk.post(url_of(plus, "cancel"), hidden(as_clerk.get(url_of(plus, "cancel")), _preview="1")).text
    assert "VAT 20" in page
    assert ">Net<" in page


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"when": "date", "on": "2026-11-20"}, {"when": ""}])
def test_it_cancels_nothing_without_reason_or_time(as_clerk, plus, wrong):
    url = url_of(plus, "cancel")
    assert as_clerk.post(url, hidden(as_clerk.get(url), _save="1", **wrong)).status_code == 422
    assert not ScheduledChange.objects.exists()


def test_it_cancels_nothing_where_the_figures_moved(as_clerk, plus, at):
    url = url_of(plus, "cancel")
    preview = as_clerk.post(url, hidden(as_clerk.get(url), _preview="1"))
    send(plus, at + timedelta(days=9), tokens=9_000_000)
    response = as_clerk.post(url, hidden(preview, _save="1"))
    assert response.status_code == 409
    assert "The figures have changed." in response.text
    assert not Invoice.objects.exists()


def test_there_is_nothing_to_cancel_on_the_free_plan(as_clerk, customer, catalogue, seller, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    assert as_clerk.get(url_of(customer, "cancel")).status_code == 302
    assert (
        url_of(customer, "cancel")
        not in as_clerk.get(reverse("admin:customer_subscriptions", args=[customer.key])).text
    )


# --- sent twice ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("when", ["now", "period_end"])
def test_the_second_save_says_what_the_first_has_said(as_clerk, plus, catalogue, when):
    url = url_of(plus, "add")
    first, sent, _preview = saved(as_clerk, url, plan=catalogue.free.pk, when=when)
    as_clerk.get(first.headers["Location"])
    again = as_clerk.post(url, sent)
    assert again.headers["Location"] == first.headers["Location"]
    assert re.search("Wonder Ltd (is|will be) on Free v1", as_clerk.get(again.headers["Location"]).text)
    assert ScheduledChange.objects.count() == 1


# --- withdrawing -----------------------------------------------------------------------------------------------------
@pytest.fixture
def change(plus, catalogue, at):
    at += timedelta(days=10)
    return schedule_change(
        customer_id=plus.pk, plan=catalogue.free, when="period_end", at=at, actor=None, reason="Left"
    )


def withdraw_url(change):
    return reverse("admin:customer_subscriptions_withdraw", args=[change.customer.key, change.pk])


def test_it_withdraws_a_scheduled_change(as_clerk, clerk, change, django_assert_max_num_queries):
    url = withdraw_url(change)
    assert url in as_clerk.get(reverse("admin:customer_subscriptions", args=[change.customer.key])).text
    with django_assert_max_num_queries(15):
        assert "Does not begin" in as_clerk.get(url).text
    assert as_clerk.post(url, {"reason": ""}).status_code == 422
    for _ in range(2):
        assert as_clerk.post(url, {"reason": "They stay"}).status_code == 302
    change.refresh_from_db()
    assert change.status == "withdrawn"
    assert AuditEntry.objects.get(action="withdraw_change").actor == clerk
    assert "waits no longer" in as_clerk.get(url).text


def test_it_withdraws_nobody_elses_change(as_clerk, change, other_customer):
    url = reverse("admin:customer_subscriptions_withdraw", args=[other_customer.key, change.pk])
    assert as_clerk.post(url, {"reason": "x"}).status_code == 404


# --- «New contract» --------------------------------------------------------------------------------------------------
def contract(start_from, **values):
    return {
        "plan": start_from.pk, "name": "Enterprise – Wonder Ltd", "payment_terms": "30",
        "contract_starts_on": "2026-11-01", "contract_ends_on": "2027-10-31", "reason": "Order 7", **values,
    }  # fmt: skip


def test_it_drafts_a_contract_and_leads_to_its_prices(as_clerk, plus, catalogue, django_assert_max_num_queries):
    url = url_of(plus, "contract")
    with django_assert_max_num_queries(15):
        assert 'value="Enterprise – Wonder Ltd"' in as_clerk.get(url).text
    for _ in range(2):
        response = as_clerk.post(url, contract(catalogue.plus))
        draft = Plan.objects.get(customer=plus)
        assert response.headers["Location"] == reverse("admin:plans_plan_change", args=[draft.pk])
    page = as_clerk.get(reverse("admin:customer_subscriptions", args=[plus.key])).text
    assert "Enterprise – Wonder Ltd v1" in page


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reason": ""}, "Reason – This field is required."),
        ({"payment_terms": "400"}, "Payment terms, days – Ensure this value is less than or equal to 365."),
        ({"contract_ends_on": "2026-10-01"}, "Contract end: not before its start."),
        ({"plan": "0"}, "Start from – Select a valid choice."),
    ],
)
def test_it_says_what_is_wrong_with_a_contract(as_clerk, plus, catalogue, values, said):
    response = as_clerk.post(url_of(plus, "contract"), contract(catalogue.plus, **values))
    assert response.status_code == 422
    assert said in response.text
    assert not Plan.objects.filter(customer=plus).exists()


# --- whom in sales the customer talks to ------------------------------------------------------------------------------
DESK = {"contact_name": "Enterprise desk", "contact_email": "desk@example.com"}


def test_a_contract_is_drafted_with_its_contact(as_clerk, plus, catalogue):
    as_clerk.post(url_of(plus, "contract"), contract(catalogue.plus, **DESK))
    plus.refresh_from_db()
    assert (plus.sales_contact_name, plus.sales_contact_email) == tuple(DESK.values())
    assert AuditEntry.objects.get(action="set_sales_contact").reason == "Order 7"
    # The next contract begins with the same one.
    assert 'value="desk@example.com"' in as_clerk.get(url_of(plus, "contract")).text


def test_the_contact_is_changed_later(as_clerk, clerk, plus, django_assert_max_num_queries):
    tab, url = reverse("admin:customer_subscriptions", args=[plus.key]), url_of(plus, "contact")
    assert "sales@example.com" in as_clerk.get(tab).text
    with django_assert_max_num_queries(12):
        assert as_clerk.get(url).status_code == 200
    for _ in range(2):
        said = as_clerk.post(url, {**DESK, "reason": "Handed over"}, follow=True)
        assert "Sales contact of Wonder Ltd: Enterprise desk, desk@example.com." in said.text
    entry = AuditEntry.objects.get(action="set_sales_contact")
    assert (entry.actor, entry.reason, entry.customer) == (clerk, "Handed over", plus)
    page = as_clerk.get(tab).text
    assert '<a href="mailto:desk@example.com">Enterprise desk, desk@example.com</a>' in page
    assert f'href="{url}"' in page
    as_clerk.post(url, {"contact_name": "", "contact_email": "", "reason": "Left"})
    assert "sales@example.com" in as_clerk.get(tab).text


@pytest.mark.parametrize("name", ["contract", "contact"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"contact_email": ""}, "E-mail of the sales contact – Sales contact: enter both"),
        ({"contact_name": " "}, "Name of the sales contact – Sales contact: enter both"),
        ({"contact_email": "nobody"}, "E-mail of the sales contact – Enter a valid email address."),
        ({"contact_name": "x" * 101}, "Name of the sales contact – Ensure this value has at most 100 characters"),
    ],
)
def test_it_says_what_is_wrong_with_a_contact(as_clerk, plus, catalogue, name, values, said):
    sent = contract(catalogue.plus) if name == "contract" else {"reason": "Order 7"}
    response = as_clerk.post(url_of(plus, name), {**sent, **DESK, **values})
    assert response.status_code == 422
    assert said in response.text
    assert not AuditEntry.objects.filter(action__in=["set_sales_contact", "draft_contract"]).exists()


# --- who may ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("person", "status"), [("supporter", 403), ("auditor", 403), ("cataloger", 403), ("alice", 302)]
)
def test_only_who_manages_decides(person, status, change, request, log_in):
    client = log_in(request.getfixturevalue(person))
    urls = [*(url_of(change.customer, name) for name in FORMS), withdraw_url(change)]
    assert {client.get(url).status_code for url in urls} == {status}
    assert {client.post(url, {"reason": "x"}).status_code for url in urls} == {status}
    assert ScheduledChange.objects.get().status == "scheduled"


def test_who_only_reads_sees_no_button(supporter, change, log_in):
    page = log_in(supporter).get(reverse("admin:customer_subscriptions", args=[change.customer.key])).text
    assert "Free v1 begins" in page
    assert not re.search("Cancel Plan|New contract|New subscription|Withdraw", page)
    assert url_of(change.customer, "contact") not in page


def test_the_list_asks_few_questions(as_clerk, change, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        as_clerk.get(reverse("admin:customer_subscriptions", args=[change.customer.key]))
