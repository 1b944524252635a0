"""A long random life of one customer's documents: every preview is the bill, and the books hold all the way."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.periods import Period
from credits import books as credit_books
from invoices import books
from invoices.exceptions import NotVoidableError
from invoices.models import Invoice, InvoiceLine, InvoiceStatus
from invoices.previewing import preview_document
from invoices.selectors import pending_lines, tax_rules
from invoices.services.add_pending_lines import add_pending_lines
from invoices.services.discard_drafts import discard_drafts
from invoices.services.draft_invoices import draft_invoices
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_statements import issue_statements
from invoices.services.void_invoice import void_invoice
from invoices.statements import StatementDraft
from invoices.tests.cast import draft, line, usage_line
from invoices.tests.credited import GRANTED_AT, bill_is, granted, put_in

STEPS = 60
FEATURES = ("", "api-requests", "tokens")


class Life:
    """What may happen, in an order that a seed decides."""

    def __init__(self, customer, seed):
        self.customer, self.random, self.at = customer, random.Random(seed), GRANTED_AT  # noqa: S311 - no secret
        self.number = 0
        self.seen = Counter()

    def step(self):
        self.at += timedelta(hours=self.random.randint(1, 60))
        weights = {self.grant: 3, self.bill: 6, self.wait: 1, self.discard: 1, self.issue: 4, self.void: 1}
        [what] = self.random.choices(list(weights), list(weights.values()))
        what()

    def grant(self):
        expires_at = self.at + timedelta(hours=self.random.randint(31, 200)) if self.random.random() < 0.4 else None
        features = (self.random.choice(FEATURES[1:]),) if self.random.random() < 0.3 else ()
        granted(
            self.customer,
            self.random.randint(1, 6000),
            at=self.at,
            expires_at=expires_at,
            features=features,
            priority=self.random.randint(1, 3),
            effective_at=self.at + timedelta(hours=self.random.choice((0, 0, 0, 30))),
            name=f"Grant {self.random.randint(1, 99)}",
        )

    def line(self, settlement="credit_then_invoice"):
        self.number += 1
        amount = self.random.randint(1, 3000)
        billed = InvoiceLine.objects.filter(
            customer=self.customer, amount__gt=0, invoice__status__in=(InvoiceStatus.OPEN, InvoiceStatus.PAID)
        )
        keys = list(billed.order_by("pk").values_list("key", flat=True))
        if keys and settlement == "credit_then_invoice" and self.random.random() < 0.35:
            return line(-amount, f"back:{self.number}", corrects=self.random.choice(keys))
        made = usage_line(amount, key=f"usage:{self.number}", feature_key=self.random.choice(FEATURES))
        return replace(made, settlement=settlement, ends_at=self.at)

    def bill(self):
        """Preview, then bill; sometimes giving up the drafts first."""
        discarding = self.random.random() < 0.5
        lines = tuple(self.line() for _ in range(self.random.randint(1, 4)))
        if self.random.random() < 0.3:
            lines = (*lines, self.line("credit_only"))
        waiting = pending_lines(self.customer.pk, "USD", discarding=discarding)
        preview = preview_document(
            customer_id=self.customer.pk,
            currency="USD",
            lines=(*lines, *waiting),
            rule=tax_rules([self.customer.pk])[self.customer.pk],
            billing_on=self.at.date(),
            at=self.at,
            discarding=discarding,
        )
        if discarding:
            discard_drafts(customer_ids=[self.customer.pk], at=self.at)
        wanted = draft(self.customer, lines=lines, billing_on=self.at.date())
        [invoice] = draft_invoices(drafts=[wanted], at=self.at)
        bill_is(preview, invoice, with_balance=False)
        self.seen["bill"] += 1
        self.seen["credits used"] += bool(preview.rows)
        self.seen["credits returned"] += bool(preview.returned)
        self.seen["draft given up first"] += discarding
        self.seen["credits alone"] += bool(preview.direct)

    def wait(self):
        add_pending_lines(customer_id=self.customer.pk, currency="USD", lines=[self.line()], at=self.at)

    def discard(self):
        discard_drafts(customer_ids=[self.customer.pk], at=self.at)

    def issue(self):
        waiting = Invoice.objects.filter(customer=self.customer, status=InvoiceStatus.DRAFT)
        finalize_invoices(invoice_ids=list(waiting.values_list("pk", flat=True)), at=self.at)

    def void(self):
        found = Invoice.objects.filter(customer=self.customer, status=InvoiceStatus.OPEN, kind="invoice").first()
        if found:
            try:
                void_invoice(invoice_id=found.pk, at=self.at, reason="Wrong")
            except NotVoidableError:
                return


@pytest.mark.parametrize("seed", [1, 2])
def test_every_preview_is_the_bill_and_the_books_hold(seller, customer, seed):
    put_in(customer, "FR")
    life = Life(customer, seed)
    granted(customer, 5000)
    for number in range(STEPS):
        life.step()
        if number % 3 == 0:
            assert [*books.check(), *credit_books.check()] == []
    assert life.seen["bill"] >= STEPS // 5
    assert min(life.seen.values()) > 0, life.seen
    month = date(life.at.year, life.at.month, 1)
    issue_statements(wanted=[StatementDraft(customer.pk, "USD", _before(month))], at=life.at)
    assert list(books.check()) == []


def _before(month):
    previous = (month - timedelta(days=1)).replace(day=1)
    return Period(previous, month)
