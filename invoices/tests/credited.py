"""What the tests of credits on documents share."""

from datetime import timedelta
from itertools import count

from accounts.models import BillingProfile
from core.periods import midnight
from credits.grants import GrantDraft
from credits.models import CreditBalance, CreditGrant
from credits.services.grant_credits import grant_credits
from invoices.previewing import preview_document
from invoices.selectors import tax_rules
from invoices.services.draft_invoices import draft_invoices
from invoices.tests.cast import BILLING_ON, draft, line

CALCULATED_AT = midnight(BILLING_ON) - timedelta(days=3)
GRANTED_AT = CALCULATED_AT - timedelta(days=1)
ISSUED_AT = midnight(BILLING_ON)
NUMBERS = count(1)


def granted(customer, amount, at=GRANTED_AT, **values):
    defaults = {
        "key": f"grant:{next(NUMBERS)}",
        "customer_id": customer.pk,
        "currency": "USD",
        "amount": amount,
        "funding": "promotional",
        "name": "Welcome",
    }
    return grant_credits(grant=GrantDraft(**(defaults | values)), at=at, actor=None)


def left(customer, currency="USD"):
    return sum(CreditGrant.objects.filter(customer=customer, currency=currency).values_list("available", flat=True))


def settled(customer, currency="USD"):
    return CreditBalance.objects.get(customer=customer, currency=currency).settled


def put_in(customer, country):
    BillingProfile.objects.filter(customer=customer).update(country=country)


def credits_of(invoice):
    return dict(invoice.lines.values_list("key", "credits"))


def corrected(customer, amount, **values):
    later = {"billing_on": BILLING_ON.replace(month=11)}
    lines = values.pop("lines", ()) or (line(-amount, f"unused:{next(NUMBERS)}", corrects="fee"),)
    [invoice] = draft_invoices(drafts=[draft(customer, lines=lines, **later)], at=ISSUED_AT + timedelta(hours=1))
    return invoice


def previewed(customer, lines, *, at=CALCULATED_AT, billing_on=BILLING_ON, discarding=False):
    preview = preview_document(
        customer_id=customer.pk,
        currency="USD",
        lines=lines,
        rule=tax_rules([customer.pk])[customer.pk],
        billing_on=billing_on,
        at=at,
        discarding=discarding,
    )
    assert preview.balance_after is None or preview.taken is not None  # read before it happens
    return preview


def bill_is(preview, invoice, *, with_balance=True):
    found = {row.key: row.credits for row in invoice.lines.all() if row.credits}
    assert found == dict(preview.credits)
    assert (invoice.subtotal, invoice.tax, invoice.total) == (
        preview.totals.subtotal,
        preview.totals.tax,
        preview.totals.total,
    )
    rows = [(row["name"], row["amount"]) for row in invoice.credit_rows]
    assert rows == [(row.name, row.amount) for row in preview.rows]
    if with_balance:
        assert settled(invoice.customer) == preview.balance_after
