"""From one paid plan to another: old part now, the calendar stays, what was shown is what is charged."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.figures import written
from accounts.models import AuditEntry, Customer, Notice, PaymentMethod
from accounts.services.update_billing_profile import update_billing_profile
from invoices.models import Invoice, InvoiceStatus
from invoices.services.finalize_invoices import finalize_invoices
from plans import books
from plans.exceptions import (
    AlreadySubscribedError,
    CardRequiredError,
    CurrencyMismatchError,
    ManagedByContractError,
    PlanNotFoundError,
    QuoteStaleError,
)
from plans.models import RatedUsage, Subscription
from plans.selectors import current_subscription
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.tests.conftest import add_card, cancel_quote, change_quote, go_plus, new_plan, pay, send, tokens_card

ELEVENTH_DAY = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
IN_THE_LAST_DAYS = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
CALCULATED = datetime(2026, 11, 17, 1, tzinfo=UTC)


@pytest.fixture
def pro(catalogue, at):
    """99.00 a month in arrears, tokens at half the price."""
    return new_plan("pro", cards=[tokens_card("0.001")], at=at)


@pytest.fixture
def early(catalogue, at):
    """99.00 a month in advance."""
    return new_plan("early", timing="in_advance", at=at)


def change(quote, later=timedelta(minutes=3), actor=None) -> Any:
    return change_plan(quote=quote, at=quote.effective_at + later, actor=actor)


def lines_of(invoice):
    return [(line.title, line.amount, line.detail) for line in invoice.lines.all()]


def calculate(customer, at):
    return calculate_charges(subscription_ids=[current_subscription(customer.pk).pk], at=at)


# --- in arrears: old part now, new part on the billing date ----------------------------------------------------------


def test_it_charges_to_the_cent_what_was_previewed(plus, customer, pro, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    quote = change_quote(customer, pro, ELEVENTH_DAY)

    done = change(quote)

    assert quote.total == 1_739 + 600
    assert (done.invoice.total, done.invoice.status) == (quote.total, InvoiceStatus.OPEN)
    assert lines_of(done.invoice) == [(row["title"], row["amount"], row["detail"]) for row in quote.lines]
    assert done.invoice.collect_at == ELEVENTH_DAY + timedelta(minutes=3)


def test_it_keeps_anchor_and_billing_dates(plus, customer, pro):
    opened = change(change_quote(customer, pro, ELEVENTH_DAY)).opened

    plus.refresh_from_db()
    assert (opened.plan, opened.anchor_on, opened.next_billing_on) == (pro, date(2026, 10, 20), date(2026, 11, 20))
    assert opened.starts_at == opened.window_starts_at == plus.ends_at == ELEVENTH_DAY
    assert opened.calculate_at == datetime(2026, 11, 17, tzinfo=UTC)


def test_it_bills_the_new_part_on_the_billing_date_so_that_every_day_is_charged_once(plus, customer, pro):
    closing = change(change_quote(customer, pro, ELEVENTH_DAY)).invoice

    [monthly] = calculate(customer, CALCULATED)

    assert lines_of(closing) == [("Plus monthly fee", 1_739, "$49.00 × 11 of 31 days")]
    assert lines_of(monthly) == [("Pro monthly fee", 6_387, "$99.00 × 20 of 31 days")]


def test_it_splits_usage_at_the_exact_instant_by_the_price_of_each_plan(plus, customer, pro):
    send(customer, ELEVENTH_DAY - timedelta(microseconds=1), tokens=1_000_000)
    send(customer, ELEVENTH_DAY - timedelta(minutes=1), tokens=1_000_000)
    quote = change_quote(customer, pro, ELEVENTH_DAY)
    send(customer, ELEVENTH_DAY, tokens=1_000_000)

    closing = change(quote).invoice
    [monthly] = calculate(customer, CALCULATED)

    assert [line.amount for line in closing.lines.filter(kind="usage")] == [400]
    assert [line.amount for line in monthly.lines.filter(kind="usage")] == [100]


def test_it_gives_the_first_result_again(plus, customer, pro):
    quote = change_quote(customer, pro, ELEVENTH_DAY)
    first = change(quote)

    again = change(quote, later=timedelta(days=2))

    assert (again.opened, again.invoice) == (first.opened, first.invoice)
    assert Invoice.objects.count() == 1
    assert AuditEntry.objects.filter(action="change_plan").count() == 1


def test_it_writes_who_did_it_and_tells_the_recipients(plus, customer, pro, alice):
    done = change(change_quote(customer, pro, ELEVENTH_DAY), actor=alice)

    entry = AuditEntry.objects.get(action="change_plan")
    assert (entry.actor, entry.before["plan"], entry.after["plan"]) == (alice, "plus", "pro")
    notice = Notice.objects.get(template="plan_changed")
    assert (written(notice.context)["total"], notice.context["number"]) == ("$17.39", done.invoice.number)
    assert written(notice.context)["next_billing_date"] == "20 Nov 2026"


# --- in advance: unused old part negative, new part positive, both now -----------------------------------------------


def test_it_charges_the_new_plan_in_advance_at_once(plus, customer, early):
    done = change(change_quote(customer, early, ELEVENTH_DAY))

    assert [(title, amount) for title, amount, _detail in lines_of(done.invoice)] == [
        ("Plus monthly fee", 1_739),
        ("Early monthly fee", 6_387),
    ]
    assert done.invoice.lines.get(title="Early monthly fee").key.startswith(f"subscription:{done.opened.pk}:fee:")


def test_it_gives_back_the_unused_days_and_charges_the_new_ones(customer, catalogue, seller, early, at):
    dearer = new_plan("dearer", timing="in_advance", fee=15_500, at=at)
    go_plus(customer, catalogue, at)
    first = change(change_quote(customer, early, at + timedelta(hours=1))).invoice
    pay(first, at + timedelta(hours=2))

    done = change(change_quote(customer, dearer, ELEVENTH_DAY))

    assert [(title, amount) for title, amount, _detail in lines_of(done.invoice)] == [
        ("Early monthly fee (unused)", -6_387),
        ("Dearer monthly fee", 10_000),
    ]
    assert (done.invoice.total, list(books.check())) == (3_613, [])


# --- the last three days ---------------------------------------------------------------------------------------------


def test_it_takes_the_place_of_the_announced_draft(plus, customer, pro, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    [draft] = calculate(customer, CALCULATED)
    quote = change_quote(customer, pro, IN_THE_LAST_DAYS)

    done = change(quote)

    draft.refresh_from_db()
    assert (draft.status, quote.discards[0]["total"]) == (InvoiceStatus.VOID, 5_500)
    assert lines_of(done.invoice) == [
        ("Plus monthly fee", 4_584, "$49.00 × 29 of 31 days"),
        ("AI tokens", 600, "3,000,000 × $0.0020 per 1,000 tokens"),
    ]
    assert list(books.check()) == []


def test_it_bills_the_days_left_of_the_period_with_the_next_one(plus, customer, pro):
    calculate(customer, CALCULATED)
    opened = change(change_quote(customer, pro, IN_THE_LAST_DAYS)).opened
    assert opened.next_billing_on == date(2026, 12, 20)

    [monthly] = calculate(customer, datetime(2026, 12, 17, 1, tzinfo=UTC))

    assert lines_of(monthly) == [
        ("Pro monthly fee", 639, "$99.00 × 2 of 31 days"),
        ("Pro monthly fee", 9_900, "$99.00 × 1 month"),
    ]


def test_discarding_takes_the_watermarks_back(plus, customer, pro, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    calculate(customer, CALCULATED)

    change(change_quote(customer, pro, IN_THE_LAST_DAYS))

    keys = set(RatedUsage.objects.filter(subscription=plus).values_list("invoice_key", flat=True))
    assert keys == {f"subscription:{plus.pk}:closing"}


# --- several changes in a day ----------------------------------------------------------------------------------------


def test_it_charges_a_day_of_many_changes_by_the_last_plan_only(plus, customer, catalogue, pro, at):
    plan, invoices = pro, []
    for minutes in (0, 20, 40):
        invoices.append(change(change_quote(customer, plan, ELEVENTH_DAY + timedelta(minutes=minutes))).invoice)
        plan = catalogue.plus if plan == pro else pro

    [monthly] = calculate(customer, CALCULATED)
    assert [invoice and invoice.total for invoice in invoices] == [1_739, None, None]
    assert [line[:2] for line in lines_of(monthly)] == [("Pro monthly fee", 6_387)]
    assert list(books.check()) == []


def test_it_may_be_cancelled_and_subscribed_again_on_the_same_day(plus, customer, catalogue, pro):
    change(change_quote(customer, pro, ELEVENTH_DAY))
    quote = cancel_quote(customer, ELEVENTH_DAY + timedelta(hours=1))
    assert cancel_subscription(quote=quote, at=ELEVENTH_DAY + timedelta(hours=1), actor=None).invoice is None

    again = go_plus(customer, catalogue, ELEVENTH_DAY + timedelta(hours=2))

    assert (again.anchor_on, again.next_billing_on) == (date(2026, 10, 31), date(2026, 11, 30))
    assert list(books.check()) == []


def test_up_and_down_at_the_same_instant_nets_to_nothing(plus, customer, catalogue, early):
    up = change(change_quote(customer, early, ELEVENTH_DAY), later=timedelta(0))
    down = change_quote(customer, catalogue.plus, ELEVENTH_DAY)

    assert [row["amount"] for row in up.lines] == [1_739, 6_387]
    assert [row["amount"] for row in down.lines] == [-6_387]


# --- what it refuses -------------------------------------------------------------------------------------------------


def test_it_refuses_when_usage_arrived_meanwhile_and_shows_the_new_total(plus, customer, pro, at):
    quote = change_quote(customer, pro, ELEVENTH_DAY)
    send(customer, at + timedelta(days=1), tokens=500_000)

    with pytest.raises(QuoteStaleError, match="usage went from 0 to 500,000") as refusal:
        change(quote)

    assert refusal.value.message.startswith("The total changed from $17.39 to $18.39.")
    assert change(refusal.value.after).invoice.total == 1_839


def test_it_refuses_when_tax_has_changed(plus, customer, pro):
    quote = change_quote(customer, pro, ELEVENTH_DAY)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=ELEVENTH_DAY, actor=None)

    with pytest.raises(QuoteStaleError) as refusal:
        change(quote)

    assert refusal.value.after.total == 1_739 + 348


def test_it_refuses_another_currency(plus, customer, catalogue, at):
    yen = new_plan("yen", currency="JPY", at=at)

    with pytest.raises(CurrencyMismatchError):
        change_quote(customer, yen, ELEVENTH_DAY)


def test_it_refuses_another_currency_once_billed(free, customer, catalogue, at):
    yen = new_plan("yen", currency="JPY", at=at)
    Customer.objects.filter(pk=customer.pk).update(currency="USD")

    with pytest.raises(CurrencyMismatchError):
        change_quote(customer, yen, ELEVENTH_DAY)


def test_it_refuses_the_same_plan_the_free_one_and_one_by_contract(plus, customer, catalogue):
    with pytest.raises(AlreadySubscribedError):
        change_quote(customer, catalogue.plus, ELEVENTH_DAY)
    for plan in (catalogue.free, catalogue.enterprise):
        with pytest.raises(PlanNotFoundError):
            change_quote(customer, plan, ELEVENTH_DAY)


def test_it_refuses_under_a_contract(plus, customer, pro):
    quote = change_quote(customer, pro, ELEVENTH_DAY)
    Customer.objects.filter(pk=customer.pk).update(payment_policy="managed_by_contract")

    with pytest.raises(ManagedByContractError):
        change(quote)


def test_it_needs_a_card(plus, customer, pro):
    quote = change_quote(customer, pro, ELEVENTH_DAY)
    PaymentMethod.objects.filter(customer=customer).update(deleted_at=ELEVENTH_DAY, is_default=False)

    with pytest.raises(CardRequiredError):
        change(quote)

    add_card(customer, ELEVENTH_DAY)
    assert change(quote).opened.plan == pro


def test_it_writes_nothing_but_the_quote_for_a_preview(plus, customer, pro):
    before = (Subscription.objects.count(), Invoice.objects.count(), RatedUsage.objects.count())

    change_quote(customer, pro, ELEVENTH_DAY)

    assert (Subscription.objects.count(), Invoice.objects.count(), RatedUsage.objects.count()) == before


def test_it_does_not_bill_again_what_was_issued(plus, customer, pro):
    [draft] = calculate(customer, CALCULATED)
    finalize_invoices(invoice_ids=[draft.pk], at=datetime(2026, 11, 20, 0, 5, tzinfo=UTC))
    pay(draft, datetime(2026, 11, 20, 0, 6, tzinfo=UTC))

    done = change(change_quote(customer, pro, datetime(2026, 11, 25, 8, tzinfo=UTC)))

    assert lines_of(done.invoice) == [("Plus monthly fee", 817, "$49.00 × 5 of 30 days")]


def test_a_quote_and_its_change_ask_no_more_than_they_did(plus, pro, customer, django_assert_num_queries):
    with django_assert_num_queries(7):
        quote = change_quote(customer, pro, ELEVENTH_DAY)
    with django_assert_num_queries(51):
        change(quote)
