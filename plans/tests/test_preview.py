"""Preview = bill, over random usage and dates, through the real verbs."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from accounts.services.update_billing_profile import update_billing_profile
from invoices.services.finalize_invoices import finalize_invoices
from plans import books
from plans.selectors import due_for_calculation, running, upcoming_invoice
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.tests.conftest import cancel_quote, go_plus, send

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def calculate_all(at):
    while due := due_for_calculation(at):
        yield from calculate_charges(subscription_ids=[row.id for row in due], at=at)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_the_previewed_total_is_the_charged_total(customer, catalogue, seller, seed):
    random = Random(seed)  # noqa: S311 - dates and quantities, not secrets
    starts_at = FIRST + timedelta(seconds=random.randrange(86_400 * 400))
    lasts = timedelta(seconds=random.randrange(86_400 * 100))
    update_billing_profile(
        customer_id=customer.pk, values={"country": random.choice(["FR", "US"])}, at=starts_at, actor=None
    )
    go_plus(customer, catalogue, starts_at)
    for _ in range(random.randrange(6)):
        time = starts_at + lasts * random.random()
        send(customer, time, requests=random.randrange(4), tokens=random.randrange(10**9))
    ends_at = starts_at + lasts
    drafts = list(calculate_all(ends_at))
    issued = [draft.pk for draft in drafts if draft.billing_on <= ends_at.date()]
    finalize_invoices(invoice_ids=issued, at=ends_at)

    quote = cancel_quote(customer, ends_at)
    done = cancel_subscription(quote=quote, at=ends_at + timedelta(minutes=1), actor=None)

    billed = [line.amount for line in done.invoice.lines.all()] if done.invoice else []
    assert (done.invoice.total if done.invoice else 0) == quote.total
    assert billed == ([row["amount"] for row in quote.lines] if done.invoice else [])
    assert list(books.check()) == []


@pytest.mark.parametrize("seed", range(6))
def test_the_upcoming_invoice_is_what_is_calculated(customer, catalogue, seller, seed):
    random = Random(seed)  # noqa: S311 - dates and quantities, not secrets
    starts_at = FIRST + timedelta(seconds=random.randrange(86_400 * 400))
    spell = go_plus(customer, catalogue, starts_at)
    assert spell.calculate_at is not None
    for _ in range(4):
        time = starts_at + (spell.calculate_at - starts_at) * random.random()
        send(customer, time, requests=random.randrange(9), tokens=random.randrange(10**9))

    shown = upcoming_invoice(running(customer, spell.calculate_at))
    [invoice] = calculate_all(spell.calculate_at + timedelta(hours=1))

    assert [(line.key, line.detail, line.amount) for line in (*shown.owed, *shown.counting)] == [
        (line.key, line.detail, line.amount) for line in invoice.lines.all()
    ]
    assert shown.totals.total == invoice.total
