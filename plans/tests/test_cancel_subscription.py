"""«Cancel Plan»: what was shown is what is charged."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from accounts.figures import written
from accounts.models import AuditEntry, BillingProfile, Customer, Notice, PaymentMethod, PaymentPolicy
from accounts.services.update_billing_profile import update_billing_profile
from invoices.models import Invoice, InvoiceStatus
from invoices.selectors import unsettled
from invoices.services.finalize_invoices import finalize_invoices
from plans.exceptions import ManagedByContractError, NothingToCancelError, QuoteStaleError
from plans.models import ChangeQuote, QuoteKind, RatedUsage, Subscription
from plans.selectors import current_subscription, running, usage_to_date
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.tests.conftest import cancel_quote, go_plus, send

ELEVENTH_DAY = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
IN_THE_LAST_DAYS = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)


def cancel(quote, later=timedelta(minutes=3), actor=None) -> Any:
    return cancel_subscription(quote=quote, at=quote.effective_at + later, actor=actor)


def lines_of(invoice):
    return [(line.title, line.amount, line.detail) for line in invoice.lines.all()]


def test_it_charges_to_the_cent_what_was_previewed(plus, customer, alice, at):
    send(customer, at + timedelta(days=1), requests=7, tokens=3_000_000)
    quote = cancel_quote(customer, ELEVENTH_DAY)

    done = cancel(quote, actor=alice)

    assert quote.subtotal == 1_739 + 600
    assert done.invoice.total == quote.total
    assert lines_of(done.invoice) == [(row["title"], row["amount"], row["detail"]) for row in quote.lines]
    assert lines_of(done.invoice)[0] == ("Plus monthly fee", 1_739, "$49.00 × 11 of 31 days")


def test_it_tells_the_recipients_and_every_billing_admin(plus, customer, alice):
    BillingProfile.objects.filter(customer=customer).update(recipients=["books@example.com"])
    cancel(cancel_quote(customer, ELEVENTH_DAY))
    assert Notice.objects.get(template="plan_downgraded").to == ["books@example.com", alice.email]


def test_it_issues_the_closing_invoice_and_collects_it_at_once(plus, customer):
    done = cancel(cancel_quote(customer, ELEVENTH_DAY))

    invoice = done.invoice
    assert (invoice.status, invoice.number is not None) == (InvoiceStatus.OPEN, True)
    assert invoice.collect_at == ELEVENTH_DAY + timedelta(minutes=3)
    assert (invoice.period_start, invoice.period_end) == (date(2026, 10, 20), date(2026, 10, 31))


def test_it_goes_on_with_free_from_the_quoted_instant(plus, customer, catalogue):
    cancel(cancel_quote(customer, ELEVENTH_DAY))

    current: Any = current_subscription(customer.pk)
    plus.refresh_from_db()
    assert current.plan == catalogue.free
    assert current.starts_at == plus.ends_at == ELEVENTH_DAY
    assert (plus.next_billing_on, plus.calculate_at) == (None, None)


def test_it_splits_usage_at_the_exact_instant(plus, customer):
    send(customer, ELEVENTH_DAY - timedelta(microseconds=1), tokens=1_000_000)
    quote = cancel_quote(customer, ELEVENTH_DAY)
    send(customer, ELEVENTH_DAY, tokens=9_000_000)

    done = cancel(quote)

    assert [line.amount for line in done.invoice.lines.filter(kind="usage")] == [200]


def test_it_gives_usage_after_the_instant_to_free(plus, customer):
    quote = cancel_quote(customer, ELEVENTH_DAY)
    send(customer, ELEVENTH_DAY, requests=4)
    cancel(quote)

    rows: list[Any] = list(usage_to_date(running(customer, ELEVENTH_DAY + timedelta(hours=1))).rows)
    [row] = rows
    assert (row.feature_key, row.quantity, row.amount) == ("api-requests", 4, 0)


def test_it_prorates_included_units_by_days(plus, customer, at):
    cut_days, planned_days = 11, 28
    send(customer, at + timedelta(days=1), requests=4_000)

    quote = cancel_quote(customer, ELEVENTH_DAY)

    [line] = [row for row in quote.lines if row["kind"] == "usage"]
    included = 10_000 * cut_days / planned_days
    assert line["amount"] == round((4_000 - included) / 10)
    assert line["detail"] == "(4,000 − ≈ 3,928.57 included) × $1.00 per 1,000 requests"


def test_it_pushes_the_payment_policy_down(plus, customer):
    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.REQUIRED

    cancel(cancel_quote(customer, ELEVENTH_DAY))

    customer.refresh_from_db()
    assert customer.payment_policy == PaymentPolicy.OPTIONAL


def test_it_gives_the_first_result_again(plus, customer):
    quote = cancel_quote(customer, ELEVENTH_DAY)
    first = cancel(quote)

    again = cancel(quote, later=timedelta(minutes=9))

    assert (again.invoice, again.opened) == (first.invoice, first.opened)
    assert Invoice.objects.count() == 1
    assert AuditEntry.objects.filter(action="cancel_subscription").count() == 1


def test_it_writes_who_did_it_and_tells_the_recipients(plus, customer, alice):
    done = cancel(cancel_quote(customer, ELEVENTH_DAY), actor=alice)

    entry = AuditEntry.objects.get(action="cancel_subscription")
    assert (entry.actor, entry.before["plan"], entry.after["plan"]) == (alice, "plus", "free")
    notice = Notice.objects.get(template="plan_downgraded")
    assert written(notice.context)["total"] == "$17.39"
    assert notice.context["number"] == done.invoice.number


# --- things that moved -----------------------------------------------------------------------------------------------


def test_it_refuses_when_usage_arrived_meanwhile_and_shows_the_new_total(plus, customer, at):
    quote = cancel_quote(customer, ELEVENTH_DAY)
    send(customer, at + timedelta(days=1), tokens=500_000)

    with pytest.raises(QuoteStaleError, match="usage went from 0 to 500,000") as refusal:
        cancel(quote)

    assert refusal.value.message.startswith("The total changed from $17.39 to $18.39.")
    assert (refusal.value.before, refusal.value.after.total) == (quote, 1_839)
    assert current_subscription(customer.pk) == plus
    assert not Invoice.objects.exists()


def test_it_carries_out_the_fresh_quote(plus, customer, at):
    quote = cancel_quote(customer, ELEVENTH_DAY)
    send(customer, at + timedelta(days=1), tokens=500_000)
    with pytest.raises(QuoteStaleError) as refusal:
        cancel(quote)

    assert cancel(refusal.value.after).invoice.total == 1_839


def test_it_refuses_when_tax_has_changed(plus, customer):
    quote = cancel_quote(customer, ELEVENTH_DAY)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=ELEVENTH_DAY, actor=None)

    with pytest.raises(QuoteStaleError) as refusal:
        cancel(quote)

    assert refusal.value.after.total == 1_739 + 348


def test_it_refuses_an_expired_quote(plus, customer):
    quote = cancel_quote(customer, ELEVENTH_DAY)

    with pytest.raises(QuoteStaleError, match="held until"):
        cancel(quote, later=timedelta(minutes=15))


def test_it_refuses_a_quote_of_an_earlier_spell(plus, customer, catalogue):
    old = cancel_quote(customer, ELEVENTH_DAY)
    cancel(cancel_quote(customer, ELEVENTH_DAY))
    go_plus(customer, catalogue, ELEVENTH_DAY + timedelta(minutes=5))

    with pytest.raises(QuoteStaleError, match="plan has changed"):
        cancel(old, later=timedelta(minutes=6))


def test_it_refuses_on_free(free, customer):
    with pytest.raises(NothingToCancelError):
        cancel_quote(customer, ELEVENTH_DAY)


def test_it_refuses_the_second_of_two_quotes(plus, customer):
    first, second = cancel_quote(customer, ELEVENTH_DAY), cancel_quote(customer, ELEVENTH_DAY)
    cancel(first)

    with pytest.raises(NothingToCancelError):
        cancel(second)


def test_it_refuses_under_a_contract(free, customer, catalogue):
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=ELEVENTH_DAY, actor=None)

    with pytest.raises(ManagedByContractError, match="managed by contract") as refusal:
        cancel_quote(customer, ELEVENTH_DAY)

    assert (refusal.value.status, "sales@example.com" in refusal.value.message) == (403, True)


# --- in the last three days ------------------------------------------------------------------------------------------


@pytest.fixture
def draft(plus, customer, at):
    """The announced invoice of 20 Nov: 49.00 and 3,000,000 tokens."""
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    [draft] = calculate_charges(subscription_ids=[plus.pk], at=datetime(2026, 11, 17, 1, tzinfo=UTC))
    plus.refresh_from_db()
    return draft


def test_it_takes_the_place_of_the_announced_draft(draft, plus, customer):
    send(customer, datetime(2026, 11, 17, 12, tzinfo=UTC), tokens=1_000_000)
    quote = cancel_quote(customer, IN_THE_LAST_DAYS)

    done = cancel(quote)

    assert quote.discards == [{"key": f"subscription:{plus.pk}:2026-11-20", "billing_on": "2026-11-20", "total": 5_500}]
    assert lines_of(done.invoice) == [
        ("Plus monthly fee", 4_584, "$49.00 × 29 of 31 days"),
        ("AI tokens", 600, "3,000,000 × $0.0020 per 1,000 tokens"),
        ("AI tokens", 200, "1,000,000 × $0.0020 per 1,000 tokens"),
    ]
    assert (done.invoice.total, quote.total) == (5_384, 5_384)


def test_it_leaves_no_draft_and_no_watermark_behind(draft, plus, customer):
    cancel(cancel_quote(customer, IN_THE_LAST_DAYS))

    draft.refresh_from_db()
    assert (draft.status, draft.number, unsettled(customer.pk).drafts) == (InvoiceStatus.VOID, None, [])
    keys = set(RatedUsage.objects.filter(subscription=plus).values_list("invoice_key", flat=True))
    assert keys == {f"subscription:{plus.pk}:closing"}


def test_it_keeps_the_draft_when_it_refuses(draft, customer, at):
    quote = cancel_quote(customer, IN_THE_LAST_DAYS)
    send(customer, at + timedelta(days=2), tokens=1_000_000)

    with pytest.raises(QuoteStaleError):
        cancel(quote)

    draft.refresh_from_db()
    assert (draft.status, draft.lines.count()) == (InvoiceStatus.DRAFT, 2)


def test_it_bills_a_whole_period_whose_draft_was_still_waiting_after_the_billing_date(draft, customer):
    done = cancel(cancel_quote(customer, datetime(2026, 11, 25, 8, tzinfo=UTC)))

    assert [(title, amount, detail) for title, amount, detail in lines_of(done.invoice) if "fee" in title] == [
        ("Plus monthly fee", 4_900, "$49.00 × 1 month"),
        ("Plus monthly fee", 817, "$49.00 × 5 of 30 days"),
    ]


def test_it_does_not_bill_again_what_was_issued(draft, customer):
    finalize_invoices(invoice_ids=[draft.pk], at=datetime(2026, 11, 20, 0, 5, tzinfo=UTC))

    done = cancel(cancel_quote(customer, datetime(2026, 11, 25, 8, tzinfo=UTC)))

    assert lines_of(done.invoice) == [("Plus monthly fee", 817, "$49.00 × 5 of 30 days")]


# --- edges -----------------------------------------------------------------------------------------------------------


def test_it_owes_nothing_on_the_day_of_subscription(plus, customer, at):
    quote = cancel_quote(customer, at + timedelta(hours=2))

    done = cancel(quote)

    assert (quote.lines, quote.total, done.invoice) == ([], 0, None)
    assert Notice.objects.get(template="plan_downgraded").context["total"] == ""


def test_it_charges_a_day_of_many_changes_once(customer, catalogue, seller, at):
    spells = []
    for hour in (0, 2, 4):
        spells.append(go_plus(customer, catalogue, at + timedelta(hours=hour)))
        if hour < 4:
            assert cancel(cancel_quote(customer, at + timedelta(hours=hour + 1))).invoice is None

    done = cancel(cancel_quote(customer, at + timedelta(days=1)))
    assert [line.detail for line in done.invoice.lines.all()] == ["$49.00 × 1 of 31 days"]


def test_it_sends_an_invoice_where_there_is_no_card(plus, customer):
    PaymentMethod.objects.filter(customer=customer).update(deleted_at=ELEVENTH_DAY, is_default=False)

    done = cancel(cancel_quote(customer, ELEVENTH_DAY))

    assert (done.invoice.status, done.invoice.collect_at) == (InvoiceStatus.OPEN, None)
    assert done.invoice.due_on == date(2026, 11, 14)


def test_it_writes_nothing_but_the_quote_for_a_preview(plus, customer):
    before = (Subscription.objects.count(), Invoice.objects.count(), RatedUsage.objects.count(), Notice.objects.count())

    make_quote(customer=Customer.objects.get(pk=customer.pk), kind=QuoteKind.CANCEL, at=ELEVENTH_DAY, actor=None)

    after = (Subscription.objects.count(), Invoice.objects.count(), RatedUsage.objects.count(), Notice.objects.count())
    assert after == before
    assert ChangeQuote.objects.filter(kind=QuoteKind.CANCEL).count() == 1
