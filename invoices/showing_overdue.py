"""What happens when, where an invoice stays unpaid: what was tried and told, and what comes, for people."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext, gettext_noop

from accounts.figures import written
from accounts.gateways import decline_message
from accounts.models import Notice, PaymentMethod
from core import formats
from core.periods import utc_day
from invoices.dunning import Dunning, Step
from invoices.models import Invoice, Payment, PaymentStatus
from invoices.overdue import dunning_of
from invoices.showing import is_past_due, last_payment, unresolved

COMING = {
    "try": gettext_noop("We charge your default card again"),
    "reminder": gettext_noop("We remind you"),
    "final": gettext_noop("We send a last notice, which says what follows"),
    "consequence": gettext_noop("At the earliest: what the last notice says"),
}
FOR_STAFF = {
    "try": gettext_noop("the card is tried again"),
    "reminder": gettext_noop("a reminder"),
    "final": gettext_noop("the final warning"),
    "consequence": gettext_noop("the plan’s consequence, at the earliest"),
}
SENT = {
    "payment_reminder": gettext_noop("Reminder sent"),
    "payment_warning": gettext_noop("Last notice sent"),
}
BEING_SENT = {
    "payment_reminder": gettext_noop("Reminder is being sent"),
    "payment_warning": gettext_noop("Last notice is being sent"),
}


class Moment(NamedTuple):
    """One row of the story, past or to come."""

    at: datetime
    text: str
    is_past: bool


def timeline(invoice: Invoice, at: datetime) -> list[dict[str, Any]]:
    """As the component of key dates takes it; empty where nothing is overdue. The invoice with its payments. Three
    queries, none for an invoice that is not past due."""
    if not is_past_due(invoice, utc_day(at)):
        return []
    stands = dunning_of({invoice.customer_id: at}, {})[invoice.customer_id]
    warnings = list(Notice.objects.filter(key__startswith=f"invoice:{invoice.pk}:dunning:").order_by("pk"))
    done = [*_tried(invoice), *(moment for notice in warnings for moment in _told(notice, at))]
    coming = [
        Moment(step.at, gettext(COMING[step.kind]), is_past=False)
        for step in stands.steps
        if step.invoice_id == invoice.pk
    ]
    rows = sorted(done, key=lambda row: row.at) + coming
    following = next((row for row in rows if not row.is_past), None)
    return [
        {"on": utc_day(row.at), "text": row.text, "past": row.is_past, "next": row is following}
        for row in sorted(rows, key=lambda row: row.at)
    ]


def _tried(invoice: Invoice) -> list[Moment]:
    declined = [payment for payment in invoice.payments.all() if payment.status == PaymentStatus.DECLINED]
    return [Moment(each.created_at, _declined(each), is_past=True) for each in declined]


def _declined(payment: Payment) -> str:
    declined = gettext("%(card)s was declined.") % {"card": payment.payment_method}
    return f"{declined} {decline_message(payment.decline_code)}"


def _told(notice: Notice, at: datetime) -> list[Moment]:
    """A message, and of a last notice what it names."""
    sent = notice.sent_at or at
    rows = [Moment(sent, gettext((SENT if notice.sent_at else BEING_SENT)[notice.template]), is_past=True)]
    if notice.template == "payment_warning":
        follows = {"sentence": written(notice.context["sentence"])}
        ends = datetime.fromisoformat(notice.context["not_before"])
        text = gettext("Not before this day, if it stays unpaid: %(sentence)s") % follows
        rows.append(Moment(ends, text, ends <= at))
    return rows


def next_try_sentence(invoice: Invoice, payment: Payment) -> str:
    """After a decline: when the card is tried again; empty where it is not."""
    if invoice.collect_at is None or not payment.automatic:
        return ""
    return gettext("We'll try again on %(day)s.") % {"day": formats.day(utc_day(invoice.collect_at))}


def declined_sentences(invoice: Invoice) -> str:
    """Why the last attempt failed, and what comes; empty where it did not."""
    last = last_payment(invoice)
    if last is None or last.status != PaymentStatus.DECLINED:
        return ""
    return " ".join(filter(None, [decline_message(last.decline_code), next_try_sentence(invoice, last)]))


def to_pay_with(invoices: Iterable[Invoice], cards: Iterable[PaymentMethod], on: date) -> list[tuple[Invoice, str]]:
    """What may be paid now with the default card because that has not been tried: past due, no attempt under way."""
    card = next((card for card in cards if card.is_default and not card.has_expired(on)), None)
    if card is None:
        return []
    late = [invoice for invoice in invoices if is_past_due(invoice, on) and unresolved(invoice) is None]
    return [
        (one, str(card)) for one in late if (last := last_payment(one)) is None or last.payment_method_id != card.pk
    ]


def for_staff(stands: Dunning) -> list[str]:
    """Where a customer's story stands, and what comes; empty where nothing is overdue."""
    if stands.since is None:
        return []
    about = {"day": formats.day(utc_day(stands.since))}
    is_warned = stands.state in ("warned", "consequence")
    began = gettext("Since %(day)s, warned") % about if is_warned else gettext("Since %(day)s") % about
    waits = [gettext("A payment has no outcome yet: nothing is tried or threatened.")] if stands.waits else []
    return [began, *waits, *map(_coming, stands.steps)]


def _coming(step: Step) -> str:
    return f"{formats.day(utc_day(step.at))}: {gettext(FOR_STAFF[step.kind])}"
