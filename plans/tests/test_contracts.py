"""A contract: a plan of one customer, with terms of its own, from the draft to the invoice that is due by them."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.models import AuditEntry
from core.periods import midnight
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from plans import books, pages
from plans.exceptions import CurrencyMismatchError, ManagedByContractError, PlanInvalidError, PlanNotFoundError
from plans.models import Plan, QuoteKind, Subscription
from plans.selectors import catalogue as published
from plans.selectors import current_subscription
from plans.services.calculate_charges import calculate_charges
from plans.services.copy_plan import copy_plan
from plans.services.draft_contract import draft_contract
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.open_default_subscription import open_default_subscription
from plans.services.publish_plan import publish_plan
from plans.services.save_plan import save_plan
from plans.services.schedule_change import schedule_change
from plans.tests.test_races import at_once

pytestmark = pytest.mark.django_db

NAME = "Enterprise – Wonder Ltd"
TERMS = {"payment_terms": 30, "contract_starts_on": date(2026, 11, 1), "contract_ends_on": date(2027, 10, 31)}


def drafted(customer, plan, at, actor=None, **terms):
    return draft_contract(
        customer_id=customer.pk,
        plan_id=plan.pk,
        name=NAME,
        values={**TERMS, **terms},
        at=at,
        actor=actor,
        reason="Order 7",
    )


@pytest.fixture
def draft(free, customer, catalogue, clerk, at):
    return drafted(customer, catalogue.plus, at, clerk)


@pytest.fixture
def contract(draft, at):
    publish_plan(plan=draft, at=at, actor=None)
    return Plan.objects.with_cards().get(pk=draft.pk)


def begin(customer, plan, at):
    return schedule_change(customer_id=customer.pk, plan=plan, when="now", at=at, actor=None, reason="Order 7")


# --- the draft -------------------------------------------------------------------------------------------------------
def test_it_begins_as_the_plan_it_starts_from(draft, customer, catalogue, clerk):
    assert (draft.name, draft.customer, draft.status, draft.version) == (NAME, customer, "draft", 1)
    assert (draft.self_serve, draft.payment_policy, draft.payment_terms) == (False, "managed_by_contract", 30)
    assert (draft.tagline, draft.facts) == ("", [])  # nobody may "cancel at any time" what is agreed for a year
    keys = list(draft.rate_cards.values_list("key", "amount", "unit_amount"))
    assert keys == list(catalogue.plus.rate_cards.values_list("key", "amount", "unit_amount"))
    entry = AuditEntry.objects.get(action="draft_contract")
    assert (entry.actor, entry.customer, entry.reason) == (clerk, customer, "Order 7")
    assert entry.after["contract_ends_on"] == "2027-10-31"


def test_it_drafts_once(draft, customer, catalogue, at):
    assert drafted(customer, catalogue.enterprise, at) == draft
    assert Plan.objects.filter(customer=customer).count() == 1


def test_the_next_contract_is_another_version(contract, customer, catalogue, at):
    again = drafted(customer, catalogue.plus, at)
    assert (again.key, again.version) == (contract.key, 2)
    assert copy_plan(plan_id=contract.pk, at=at, actor=None) == again


def test_a_new_version_keeps_the_terms_and_says_whose_it_is(contract, customer, clerk, at):
    copied = copy_plan(plan_id=contract.pk, at=at, actor=clerk)
    assert (copied.customer, copied.payment_terms, copied.contract_ends_on) == (customer, 30, date(2027, 10, 31))
    assert AuditEntry.objects.get(action="copy_plan").customer == customer


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"payment_terms": 366}, "Payment terms: from 0 to 365 days."),
        ({"contract_ends_on": date(2026, 10, 1)}, "Contract end: not before its start."),
    ],
)
def test_it_refuses_terms_that_are_none(free, customer, catalogue, at, terms, said):
    with pytest.raises(PlanInvalidError) as refused:
        drafted(customer, catalogue.plus, at, **terms)
    assert refused.value.message == said
    draft = drafted(customer, catalogue.plus, at)
    with pytest.raises(PlanInvalidError):
        save_plan(plan_id=draft.pk, values=terms, at=at, actor=None)


def test_it_promises_what_a_contract_promises(free, customer, catalogue, at):
    assert drafted(customer, catalogue.enterprise, at).facts == catalogue.enterprise.facts != []


def test_it_starts_from_no_draft_and_no_other_contract_nor_currency(contract, other_customer, customer, catalogue, at):
    with pytest.raises(PlanNotFoundError):
        drafted(other_customer, contract, at)
    with pytest.raises(PlanNotFoundError):
        drafted(other_customer, copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None), at)
    other_customer.currency = "EUR"
    other_customer.save(update_fields=["currency"])
    with pytest.raises(CurrencyMismatchError):
        drafted(other_customer, catalogue.plus, at)


# --- nobody else's ---------------------------------------------------------------------------------------------------
def test_nobody_else_can_be_put_on_it(contract, other_customer, at):
    open_default_subscription(customer_id=other_customer.pk, at=at, actor=None)
    with pytest.raises(PlanNotFoundError):
        begin(other_customer, contract, at + timedelta(hours=1))
    with pytest.raises(PlanNotFoundError):
        open_contract(customer_id=other_customer.pk, plan=contract, at=at + timedelta(hours=1), actor=None)
    with pytest.raises(PlanNotFoundError):
        make_quote(customer=other_customer, kind=QuoteKind.SUBSCRIBE, plan=contract, at=at, actor=None)


def test_the_database_refuses_it_too(contract, other_customer, at):
    spell = open_default_subscription(customer_id=other_customer.pk, at=at, actor=None)
    with pytest.raises(IntegrityError, match="contract of another customer"), transaction.atomic():
        Subscription.objects.filter(pk=spell.pk).update(plan=contract)


def test_it_is_in_no_catalogue_but_its_customers(contract, free, customer, other_customer, catalogue, at):
    assert contract not in published()
    assert contract not in published(other_customer.pk)
    assert contract in published(customer.pk)
    shown = pages.tiles(published(customer.pk), free, managed=False, past_due=False)
    assert contract not in [tile.plan for tile in shown]


def test_on_change_plan_it_stands_in_place_of_what_sales_offer(contract, free, customer, at):
    offered = [tile.plan.key for tile in pages.tiles(published(customer.pk), free, managed=False, past_due=False)]
    assert offered == ["free", "plus", "enterprise"]
    spell = begin(customer, contract, at + timedelta(hours=1)).opened
    shown = pages.tiles(published(customer.pk), spell, managed=True, past_due=False)
    assert [tile.plan.key for tile in shown] == ["free", "plus", contract.key]


# --- on it -----------------------------------------------------------------------------------------------------------
def test_its_invoices_are_sent_and_due_by_its_terms(contract, customer, at):
    change = begin(customer, contract, at + timedelta(hours=1))
    calculated = change.opened.calculate_at + timedelta(hours=1)
    [invoice] = calculate_charges(subscription_ids=[change.opened_id], at=calculated)
    [issued] = finalize_invoices(invoice_ids=[invoice.pk], at=midnight(invoice.billing_on))
    assert (issued.collection, issued.payment_terms, issued.collect_at) == ("send_invoice", 30, None)
    assert issued.due_on == issued.issued_on + timedelta(days=30)
    assert list(books.check()) == []


def test_the_customers_pages_say_the_contract_and_have_no_button(contract, customer, alice, log_in, at):
    begin(customer, contract, at + timedelta(hours=1))
    client = log_in(alice)
    page = client.get(reverse("billing_overview")).text
    for text in (
        "Contract start",
        "1 Nov 2026",
        "Contract end",
        "31 Oct 2027",
        "30 days from the issue",
        "Sales contact",
    ):
        assert text in page
    assert reverse("plan_cancel") not in page
    tiles = client.get(reverse("plan_change")).text
    assert NAME in tiles
    with pytest.raises(ManagedByContractError):
        make_quote(customer=customer, kind=QuoteKind.CANCEL, at=at + timedelta(hours=2), actor=None)


def test_the_invoice_says_its_terms(contract, customer, alice, log_in, at):
    change = begin(customer, contract, at + timedelta(hours=1))
    calculate_charges(subscription_ids=[change.opened_id], at=change.opened.calculate_at + timedelta(hours=1))
    invoice = Invoice.objects.get()
    finalize_invoices(invoice_ids=[invoice.pk], at=midnight(invoice.billing_on))
    page = log_in(alice).get(reverse("invoice", args=[invoice.public_id])).text
    assert "Due 20 Dec 2026, 30 days." in page


def test_it_says_where_a_contract_is_not_its_customers(contract, customer, other_customer, at):
    spell = begin(customer, contract, at + timedelta(hours=1)).opened
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER plans_subscription_contract ON plans_subscription")
    Subscription.objects.filter(pk=spell.pk).update(customer=other_customer)
    assert "a contract is its customer's" in {finding.rule for finding in books.contracts_are_their_customers()}


def test_current_is_the_contract(contract, customer, at):
    begin(customer, contract, at + timedelta(hours=1))
    assert current_subscription(customer.pk).plan == contract


@pytest.mark.django_db(transaction=True)
def test_two_people_draft_one_contract(free, customer, catalogue, at):
    first, again = at_once(*[lambda: drafted(customer, catalogue.plus, at)] * 2)
    assert first == again


# --- pages of the plan -----------------------------------------------------------------------------------------------
def test_a_contract_is_about_a_customer_who_manages_changes_it(draft, cataloger, supporter, clerk, log_in):
    url = reverse("admin:plans_plan_change", args=[draft.pk])
    forms = [reverse(f"admin:plans_plan_{name}", args=[draft.pk]) for name in ("publish", "card_add")]
    assert {log_in(cataloger).get(each).status_code for each in (url, *forms)} == {403}
    assert log_in(supporter).get(url).status_code == 200
    assert {log_in(supporter).get(each).status_code for each in forms} == {403}
    assert {log_in(clerk).get(each).status_code for each in (url, *forms)} == {200}


def test_its_form_asks_for_terms_instead_of_the_tile(draft, as_clerk):
    url = reverse("admin:plans_plan_change", args=[draft.pk])
    page = as_clerk.get(url).text
    assert "Payment terms, days" in page
    assert "Customers may choose it by themselves" not in page
    values = {"name": NAME, "settlement_mode": "credit_then_invoice", "payment_terms": "60", "contract_starts_on": ""}
    assert as_clerk.post(url, {**values, "contract_ends_on": "2027-12-31"}).status_code == 302
    draft.refresh_from_db()
    assert (draft.payment_terms, draft.contract_starts_on, draft.contract_ends_on) == (60, None, date(2027, 12, 31))
    assert (draft.self_serve, draft.payment_policy) == (False, "managed_by_contract")


def test_publishing_leads_to_putting_the_customer_on_it(draft, customer, as_clerk):
    url = reverse("admin:plans_plan_publish", args=[draft.pk])
    response = as_clerk.post(url, {"seen": as_clerk.get(url).context["comparison"].seen})
    begin_url = f"{reverse('admin:customer_subscriptions_add', args=[customer.key])}?plan={draft.pk}"
    assert response.headers["Location"] == begin_url
    assert f'<option value="{draft.pk}" selected>' in as_clerk.get(begin_url).text
