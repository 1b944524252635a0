"""The first payment of a plan has an outcome: paid, and the plan begins; declined, and it does not."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.exceptions import NotVoidableError
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.tell_issued import tell_issued
from invoices.services.void_invoice import void_invoice
from plans.emails import subscribed
from plans.ending import begin_spell
from plans.models import ChangeQuote, Subscription
from plans.spells import close_spell, open_subscription, snapshot

if TYPE_CHECKING:
    from invoices.models import Invoice

LOST = ("declined", "canceled", "surplus")


@transaction.atomic
def settle_start(*, quote: ChangeQuote, at: datetime, actor: User | None) -> ChangeQuote:
    """Begin the plan of a quote whose invoice (`bill_start`) is paid, as of the instant it was issued.

    Where the payment was declined, the invoice is voided and the quote is given up. Where another plan has begun
    meanwhile, a payment that succeeds all the same is given back: a credit note pays open invoices, else the card gets
    its money. Without an outcome nothing changes; the run asks again. A repeat gives the same.
    """
    lock_customers([quote.customer_id])
    quote = ChangeQuote.objects.select_related("plan", "opened", "invoice", "customer").get(pk=quote.pk)
    if quote.completed_at or quote.given_up_at or quote.invoice is None:
        return quote
    if quote.invoice.status == "paid":
        return _settle_paid(quote, quote.invoice, at, actor)
    if _is_lost(quote.invoice):
        _undo(quote.invoice, at, actor)
        quote.invoice.refresh_from_db()
        quote.give_up(at)
    return quote


def _is_lost(invoice: "Invoice") -> bool:
    """Whether its one payment can't succeed any more, or it was voided otherwise."""
    last = invoice.payments.order_by("pk").last()
    return invoice.status == "void" or (last is not None and last.status in LOST)


def _undo(invoice: "Invoice", at: datetime, actor: User | None) -> None:
    """Nothing is to be paid. What a kept credit has paid of it, or staff gave back while its payment was on its way,
    stands: then a document gives back the rest."""
    reason = "The first payment failed; the plan did not begin."
    try:
        void_invoice(invoice_id=invoice.pk, at=at, actor=actor, reason=reason)
    except NotVoidableError:
        issue_credit_note(invoice_id=invoice.pk, at=at, actor=actor, reason=reason)


def _settle_paid(quote: ChangeQuote, invoice: "Invoice", at: datetime, actor: User | None) -> ChangeQuote:
    tell_issued(invoice_ids=[invoice.pk], at=at)
    current = open_subscription(quote.customer_id)
    if current.pk == quote.subscription_id:
        return _begin(quote, current, at, actor)
    reason = f"It was paid after {current.plan} had begun; {quote.plan} did not begin."
    issue_credit_note(invoice_id=invoice.pk, at=at, actor=actor, reason=reason)
    quote.give_up(at)
    return quote


def _begin(quote: ChangeQuote, current: Subscription, at: datetime, actor: User | None) -> ChangeQuote:
    starts_at = quote.effective_at
    close_spell(current, starts_at, followed_by=quote.plan, at=at)
    quote.opened = begin_spell(
        customer=quote.customer, before=current, plan=quote.plan, starts_at=starts_at, opens_id=quote.opens_id
    )
    quote.complete(at)
    _tell(quote, current, quote.opened, at, actor)
    return quote


def _tell(quote: ChangeQuote, before: Subscription, after: Subscription, at: datetime, actor: User | None) -> None:
    record(
        at=at,
        actor=actor,
        customer_id=quote.customer_id,
        action="subscribe",
        subject=f"subscription:{after.pk}",
        before=snapshot(before),
        after={**snapshot(after), "quote": quote.public_id, "total": quote.total},
    )
    to = recipients_and_admins([quote.customer_id])[quote.customer_id]
    queue_notices([subscribed(quote, after, to)], at=at)
