"""How an invoice stands, in the words of its pages: badge, what can be done, what happened last."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q
from django.utils.translation import gettext, pgettext

from accounts.access import can_write
from accounts.gateways import decline_message
from accounts.models import Membership, PaymentMethod, PaymentPolicy
from core import formats
from core.periods import Period
from invoices.models import (
    REFUNDING,
    UNRESOLVED,
    CreditStatement,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
)
from invoices.rules import PAYABLE

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise


class Badge(NamedTuple):
    """A status in a word; `level` is the badge component's."""

    text: "_StrOrPromise"
    level: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list of invoices; `receipts` are the payments with one, `credits` what credit paid of it."""

    invoice: Invoice
    badge: Badge
    period: str
    receipts: tuple[Payment, ...]
    credits: str


def row(invoice: Invoice, on: date) -> Row:
    """The invoice with its payments prefetched, oldest first."""
    return Row(invoice, badge(invoice, on), period_text(invoice), receipts(invoice), credits_used(invoice))


def credits_used(invoice: Invoice) -> str:
    """`after $40.00 of credits`; empty where no credit paid anything."""
    used = sum(int(row["amount"]) for row in invoice.credit_rows)
    return gettext("after %(amount)s of credits") % {"amount": formats.money(used, invoice.currency)} if used else ""


class StatementText(NamedTuple):
    """One credit statement in a list."""

    public_id: str
    currency: str
    period: str
    opening: str
    closing: str


def statement_row(statement: CreditStatement) -> StatementText:
    """The statement's figures as text."""
    return StatementText(
        statement.public_id,
        statement.currency,
        formats.period(Period(statement.period_start, statement.period_end)),
        formats.money(statement.opening, statement.currency),
        formats.money(statement.closing, statement.currency),
    )


def period_text(invoice: Invoice) -> str:
    """The billing period with its last day inside."""
    return formats.period(Period(invoice.period_start, invoice.period_end))


def receipts(invoice: Invoice) -> tuple[Payment, ...]:
    """The succeeded payments: each has its receipt."""
    return tuple(payment for payment in invoice.payments.all() if payment.status == PaymentStatus.SUCCEEDED)


def last_payment(invoice: Invoice) -> Payment | None:
    """The latest attempt."""
    return max(invoice.payments.all(), key=lambda payment: payment.pk, default=None)


def unresolved(invoice: Invoice) -> Payment | None:
    """The attempt whose outcome is not known yet: while it stands there is no other."""
    return next((payment for payment in invoice.payments.all() if payment.status in UNRESOLVED), None)


def is_past_due(invoice: Invoice, on: date) -> bool:
    """Open, and the due date has passed or its automatic collection was declined; a purchase is no debt."""
    if invoice.is_sale:
        return False
    declined = any(each.automatic and each.status == PaymentStatus.DECLINED for each in invoice.payments.all())
    late = invoice.due_on is not None and invoice.due_on < on
    return invoice.status == InvoiceStatus.OPEN and (late or declined)


def badge(invoice: Invoice, on: date) -> Badge:
    """What people call its state on the day `on`."""
    waiting = unresolved(invoice)
    if invoice.is_credit_note and invoice.number:
        settled = invoice.status == InvoiceStatus.PAID
        return Badge(gettext("Settled") if settled else pgettext("credit note", "Credit"), "success")
    if invoice.status == InvoiceStatus.PAID and invoice.paid_at:
        if invoice.amount_credited and not invoice.amount_paid:
            return Badge(gettext("Settled"), "success")
        return Badge(gettext("Paid %(day)s") % {"day": formats.day(invoice.paid_at.date())}, "success")
    if invoice.status != InvoiceStatus.OPEN:
        return _not_open(invoice.status)
    if waiting is not None:
        asked = waiting.status == PaymentStatus.NEEDS_CONFIRMATION
        return Badge(gettext("Action needed"), "warning") if asked else Badge(gettext("Processing"), "info")
    if is_past_due(invoice, on):
        return Badge(gettext("Past due"), "danger")
    if invoice.amount_paid:
        return Badge(gettext("Partly paid"), "warning")
    return Badge(pgettext("invoice", "Open"), "info")


def _not_open(status: str) -> Badge:
    """What is neither open nor paid."""
    if status == InvoiceStatus.DRAFT:
        return Badge(gettext("Being prepared"), "neutral")
    if status == InvoiceStatus.VOID:
        return Badge(pgettext("invoice", "Void"), "neutral")
    return Badge(gettext("Uncollectible"), "danger")


def credited(invoice: Invoice, notes: tuple[Invoice, ...]) -> str:
    """`Credited −$10.00`, by credit notes of this invoice; empty where there is none.

    Without an amount where one of them gives back other invoices too: how much of it is whose, its lines say.
    """
    if invoice.is_credit_note or not notes:
        return ""
    if any(len(note.corrects) > 1 for note in notes):
        return pgettext("invoice", "Credited")
    total = sum(note.total for note in notes)
    return gettext("Credited %(amount)s") % {"amount": formats.money(total, invoice.currency)}


def refunds_of(invoice: Invoice) -> "QuerySet[Refund]":
    """What went back, or is on its way, of an invoice's payments or by a credit note; the oldest first."""
    found = Refund.objects.filter(Q(credit_note=invoice) | Q(payment__invoice=invoice))
    return found.select_related("credit_note", "payment__payment_method", "payment__invoice").order_by("pk")


def credit_figures(invoice: Invoice) -> dict[str, str]:
    """Where a credit note went so far; empty texts where nothing did. Nothing at all for an invoice."""
    if not invoice.is_credit_note:
        return {}
    moving = sum(refund.amount for refund in invoice.refunds.filter(status__in=REFUNDING))
    figures = {
        "applied": invoice.amount_credited,
        "refunded": invoice.amount_paid,
        "refunding": moving,
        "left": invoice.amount_due - moving,
    }
    return {name: formats.money(amount, invoice.currency) if amount else "" for name, amount in figures.items()}


@dataclass(frozen=True, slots=True)
class Paying:
    """What the invoice page offers: «Pay» with these cards, or why not."""

    payable: bool
    by_contract: bool
    allowed: bool
    cards: tuple[PaymentMethod, ...]
    chosen: PaymentMethod | None
    attempt: int
    waiting: Payment | None
    declined: str


def paying(invoice: Invoice, membership: Membership, cards: list[PaymentMethod]) -> Paying:
    """For an invoice with its payments prefetched and the customer's live cards, default first."""
    last = last_payment(invoice)
    waiting = unresolved(invoice)
    payable = invoice.status in PAYABLE and not invoice.is_credit_note and invoice.amount_due > 0
    declined = payable and last is not None and last.status == PaymentStatus.DECLINED
    return Paying(
        payable=payable and waiting is None,
        by_contract=membership.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT,
        allowed=can_write(membership),
        cards=tuple(cards),
        chosen=choose_card(cards, last.payment_method_id if declined and last else None),
        attempt=len(invoice.payments.all()) + 1,
        waiting=waiting,
        declined=decline_message(last.decline_code) if declined and last else "",
    )


def choose_card(cards: list[PaymentMethod], declined_id: int | None) -> PaymentMethod | None:
    """The default card; after a decline the newest of the others, which was probably added for this."""
    others = [card for card in cards if card.pk != declined_id]
    if declined_id is not None and others:
        return max(others, key=lambda card: (card.created_at, card.pk))
    return cards[0] if cards else None
