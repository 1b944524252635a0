"""Automatic top-up buys once when too little is available, within its month, and never tries a failed card again."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.figures import written
from accounts.models import AuditEntry, Notice, PaymentMethod
from accounts.tests.cards import DECLINES, add_card
from credits.charges import OpenDraft
from credits.selectors import balance
from credits.services.set_open_charges import set_open_charges
from credits.tests.cast import grant, use
from invoices.exceptions import (
    ManagedByContractError,
    PaymentMethodMissingError,
    SaleAmountError,
    TopUpRuleError,
)
from invoices.models import CreditSale, Payment, TopUpRule
from invoices.services.collect_payment import collect_payment
from invoices.services.set_top_up import set_top_up
from invoices.services.settle_top_up import settle_top_up
from invoices.services.stop_top_up import stop_top_up
from invoices.services.submit_payment import submit_payment
from invoices.services.top_up import top_up
from invoices.services.void_invoice import void_invoice
from invoices.topping_up import TopUpTerms, due_to_top_up, failed_top_ups, month_of, spent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("books_hold")]

HOUR = timedelta(hours=1)
TERMS = TopUpTerms("USD", threshold=2000, amount=5000, ceiling=15000)


@pytest.fixture
def card(customer, alice, at):
    return add_card(customer, alice, at)


@pytest.fixture
def rule(seller, customer, alice, card, at):
    return set_top_up(customer_id=customer.pk, terms=TERMS, at=at, actor=alice)


def due(at):
    return [row.id for row in due_to_top_up(at)]


def collect(sale, at):
    return submit_payment(payment_id=collect_payment(invoice_id=sale.invoice_id, at=at, automatic=True).pk, at=at)


def topped_up(rule, at):
    """Bought and paid."""
    sale = top_up(rule_id=rule.pk, at=at)
    assert sale is not None
    collect(sale, at)
    return sale


def told(template):
    return written(list(Notice.objects.filter(template=template).order_by("pk").values_list("context", flat=True)))


# --- agreeing ---------------------------------------------------------------------------------------------------------
def test_the_customer_agrees_once_and_is_told(rule, customer, alice, at):
    again = set_top_up(customer_id=customer.pk, terms=TERMS, at=at + HOUR, actor=alice)
    assert (again, again.consented_by, again.consented_at) == (rule, alice, at)
    [entry] = AuditEntry.objects.filter(action="set_top_up")
    assert (entry.actor, entry.before, entry.after["ceiling"]) == (alice, {}, 15000)
    [said] = told("top_up_changed")
    assert (said["amount"], said["threshold"], said["ceiling"]) == ("$50.00", "$20.00", "$150.00")
    assert "4242" in said["card"]


def test_other_terms_are_agreed_to_anew(rule, customer, alice, at):
    other = TopUpTerms("USD", 1000, 5000, 20000)
    changed = set_top_up(customer_id=customer.pk, terms=other, at=at + HOUR, actor=alice)
    assert (changed.pk, changed.threshold, changed.consented_at) == (rule.pk, 1000, at + HOUR)
    assert [entry.before["threshold"] for entry in AuditEntry.objects.filter(action="set_top_up") if entry.before] == [
        2000
    ]
    assert len(told("top_up_changed")) == 2


def test_without_a_card_nobody_can_agree(seller, customer, at):
    with pytest.raises(PaymentMethodMissingError):
        set_top_up(customer_id=customer.pk, terms=TERMS, at=at)


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        (TopUpTerms("USD", -1, 5000, 15000), TopUpRuleError),
        (TopUpTerms("USD", 0, 5000, 4999), TopUpRuleError),
        (TopUpTerms("USD", 0, 999, 15000), SaleAmountError),
    ],
)
def test_what_could_never_work_is_refused(seller, customer, card, at, terms, refusal):
    with pytest.raises(refusal):
        set_top_up(customer_id=customer.pk, terms=terms, at=at)
    assert not TopUpRule.objects.exists()


def test_a_contract_tops_nothing_up(seller, customer, card, at):
    type(customer).objects.filter(pk=customer.pk).update(payment_policy="managed_by_contract")
    with pytest.raises(ManagedByContractError):
        set_top_up(customer_id=customer.pk, terms=TERMS, at=at)


def test_switching_off_twice_is_once(rule, alice, at):
    for _ in range(2):
        off = stop_top_up(rule_id=rule.pk, because="customer", at=at + HOUR, actor=alice)
        assert (off.is_on, off.off_because, off.changed_at) == (False, "customer", at + HOUR)
    assert AuditEntry.objects.filter(action="stop_top_up").count() == 1
    assert (due(at + HOUR), top_up(rule_id=rule.pk, at=at + HOUR)) == ([], None)


# --- buying -----------------------------------------------------------------------------------------------------------
def test_it_buys_when_too_little_is_available(rule, customer, at):
    given = grant(customer, 2000, at)
    assert due(at) == []
    use(customer, 1, at)
    assert due(at) == [rule.pk]
    sale = topped_up(rule, at)
    assert (sale.grant.amount, sale.invoice.total, sale.origin) == (5000, 5000, "top_up")
    assert balance(customer.pk, "USD", at).available == given.amount - 1 + 5000
    assert Payment.objects.get().automatic


def test_what_runs_now_counts(rule, customer, at):
    grant(customer, 2000, at)
    running = OpenDraft(
        key="open:1", customer_id=customer.pk, currency="USD", feature_key="", amount=1, may_overdraw=True
    )
    set_open_charges(scopes={"open:": [running]}, at=at)
    assert due(at) == [rule.pk]


def test_it_waits_for_what_it_has_bought(rule, at):
    sale = top_up(rule_id=rule.pk, at=at)
    for later in (at, at + HOUR, at + 5 * HOUR):
        assert (due(later), top_up(rule_id=rule.pk, at=later)) == ([], None)
    collect(sale, at)
    assert CreditSale.objects.count() == 1


def test_it_cools_down(rule, customer, at):
    topped_up(rule, at)
    use(customer, 5000, at)
    assert due(at + HOUR - timedelta(seconds=1)) == []
    assert due(at + HOUR) == [rule.pk]
    set_top_up(customer_id=customer.pk, terms=TopUpTerms("USD", 2500, 5000, 15000), at=at + timedelta(minutes=5))
    assert due(at + timedelta(minutes=6)) == []  # agreeing anew is no way around it


def test_it_stays_within_the_month_and_says_so_once(rule, customer, at):
    for hour in range(3):
        topped_up(rule, at + hour * HOUR)
        use(customer, 5000, at + hour * HOUR)
    assert spent(rule, at) == 15000
    last = at + 4 * HOUR
    assert due(last) == [rule.pk]
    assert top_up(rule_id=rule.pk, at=last) is None
    assert due(last + timedelta(days=1)) == []
    [said] = told("top_up_ceiling")
    assert (said["spent"], said["month"], said["again"]) == ("$150.00", "October 2026", "1 Nov 2026, 00:00 UTC")
    november = datetime(2026, 11, 1, tzinfo=UTC)
    assert due(november) == [rule.pk]
    assert topped_up(rule, november).invoice.total == 5000


def test_a_higher_ceiling_lets_it_go_on(rule, customer, at):
    for hour in range(4):
        (topped_up if hour < 3 else lambda rule, at: top_up(rule_id=rule.pk, at=at))(rule, at + hour * HOUR)
        use(customer, 5000, at + hour * HOUR)
    later = at + 5 * HOUR
    assert due(later) == []
    set_top_up(customer_id=customer.pk, terms=TopUpTerms("USD", 2000, 5000, 20000), at=later)
    assert due(later) == [rule.pk]


def test_what_was_given_up_is_not_spent(rule, at):
    sale = top_up(rule_id=rule.pk, at=at)
    void_invoice(invoice_id=sale.invoice_id, at=at, reason="Mistake")
    assert spent(rule, at) == 0


def test_months_end_where_the_calendar_says():
    assert month_of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == (
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )


def test_who_is_parked_or_has_no_card_waits(rule, customer, at):
    PaymentMethod.objects.update(is_default=False)
    assert due(at) == []
    PaymentMethod.objects.update(is_default=True)
    type(customer).objects.filter(pk=customer.pk).update(parked_at=at)
    assert due(at) == []


def test_a_contract_ends_it(rule, customer, at):
    type(customer).objects.filter(pk=customer.pk).update(payment_policy="managed_by_contract")
    assert (due(at), top_up(rule_id=rule.pk, at=at)) == ([], None)


def test_their_own_clock_decides(rule, customer, at):
    type(customer).objects.filter(pk=customer.pk).update(clock_at=at - HOUR)
    assert due(at) == []


# --- failing ----------------------------------------------------------------------------------------------------------
def test_a_declined_card_is_not_tried_again(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    rule = set_top_up(customer_id=customer.pk, terms=TERMS, at=at, actor=alice)
    sale = top_up(rule_id=rule.pk, at=at)
    assert failed_top_ups(at) == []
    collect(sale, at)
    [failed] = failed_top_ups(at)
    assert settle_top_up(sale_id=failed.id, at=at)
    assert not settle_top_up(sale_id=failed.id, at=at)
    rule.refresh_from_db()
    sale.refresh_from_db()
    assert (rule.is_on, rule.off_because, sale.invoice.status) == (False, "failed", "void")
    assert [said["failed"] for said in told("top_up_changed")] == [False, True]
    assert (due(at + 5 * HOUR), Payment.objects.count(), balance(customer.pk, "USD", at).available) == ([], 1, 0)


def test_a_card_that_goes_in_between_ends_it_too(rule, at):
    sale = top_up(rule_id=rule.pk, at=at)
    PaymentMethod.objects.update(is_default=False)
    [failed] = failed_top_ups(at)
    assert settle_top_up(sale_id=failed.id, at=at)
    sale.refresh_from_db()
    assert sale.invoice.status == "void"
