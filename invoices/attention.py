"""Payments and refunds that wait for somebody, and what to tell staff about each: in plain words, what can be done.

Read by the roof's page and work list. Lists are bounded: whoever asks for 101 rows knows that there are more than 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext, ngettext

from accounts.gateways import decline_message
from accounts.models import PaymentPolicy
from core import formats
from core.periods import utc_day
from invoices.models import (
    REFUNDING,
    UNRESOLVED,
    Dispute,
    EventStatus,
    GatewayEvent,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from invoices.selectors import past_due
from invoices.showing import Badge

PATIENCE = timedelta(minutes=10)  # the minute's job has asked twice by then


def unresolved_payments(at: datetime, limit: int) -> list[Payment]:
    """Unknown, waiting for the bank's confirmation, or pending for longer than it should be; the oldest first."""
    stuck = Q(status=PaymentStatus.PENDING, created_at__lte=at - PATIENCE)
    wanted = stuck | Q(status__in=(PaymentStatus.UNKNOWN, PaymentStatus.NEEDS_CONFIRMATION))
    # Said twice, so that the index of what is unresolved answers.
    rows = Payment.objects.filter(wanted, status__in=UNRESOLVED)
    return list(_with_names(rows).order_by("created_at", "pk")[:limit])


def declined_payments(limit: int) -> list[Payment]:
    """The last attempt on an invoice that is still open, where it was declined; the oldest first."""
    later = Payment.objects.filter(invoice=OuterRef("invoice"), pk__gt=OuterRef("pk"))
    is_open = Exists(Invoice.objects.filter(pk=OuterRef("invoice"), status=InvoiceStatus.OPEN))
    found = Payment.objects.filter(is_open, ~Exists(later), status=PaymentStatus.DECLINED).order_by("pk")
    # Found by the indexes alone, then read: documents are wide.
    return list(_with_names(Payment.objects.filter(pk__in=found.values("pk")[:limit])).order_by("pk"))


def overdue_invoices(at: datetime, limit: int) -> list[Invoice]:
    """Past due by the wall clock, the longest first; without their lines and figures."""
    figures = ("status", "total", "amount_paid", "amount_credited", "currency")
    wanted = ("key", "number", "kind", *figures, "due_on", "customer__name")
    rows = past_due(Invoice.objects.all(), utc_day(at)).select_related("customer").only(*wanted)
    return list(rows.order_by("due_on", "pk")[:limit])


def troubled_refunds(at: datetime, limit: int) -> list[Refund]:
    """Failed, while something of the credit note is left or a surplus is kept; unknown; or under way for too long."""
    failed = Q(status=RefundStatus.FAILED, credit_note__status=InvoiceStatus.OPEN)
    later = Refund.objects.filter(payment=OuterRef("payment"), pk__gt=OuterRef("pk"))
    failed |= Q(~Exists(later), status=RefundStatus.FAILED, credit_note=None)
    stuck = Q(status=RefundStatus.PENDING, created_at__lte=at - PATIENCE)
    rows = Refund.objects.filter(failed | stuck | Q(status=RefundStatus.UNKNOWN))
    rows = rows.select_related("customer", "credit_note", "payment__payment_method", "payment__invoice")
    return list(rows.order_by("created_at", "pk")[:limit])


def open_disputes(limit: int) -> list[Dispute]:
    """Disputes that are not over; the oldest first."""
    rows = Dispute.objects.filter(closed_at__isnull=True).select_related("customer", "payment__invoice")
    return list(rows.order_by("pk")[:limit])


def failed_events(limit: int) -> list[GatewayEvent]:
    """Events that could not be handled for days, without what they said; the newest first."""
    rows = GatewayEvent.objects.filter(status=EventStatus.FAILED).defer("payload")
    return list(rows.order_by("-pk")[:limit])


def waiting_events() -> tuple[int, datetime | None]:
    """How many of the processor's events are not handled yet, and when the oldest came. One query."""
    row = GatewayEvent.objects.filter(status=EventStatus.WAITING).aggregate(n=Count("pk"), oldest=Min("received_at"))
    return row["n"], row["oldest"]


def drafts_to_check(limit: int) -> list[Invoice]:
    """Drafts, the one that is issued first on top; without their lines and figures."""
    rows = Invoice.objects.filter(status=InvoiceStatus.DRAFT).select_related("customer")
    wanted = ("key", "number", "kind", "total", "currency", "billing_on", "customer__name")
    return list(rows.only(*wanted).order_by("billing_on", "pk")[:limit])


def payment_by_id(public_id: str) -> Payment | None:
    """A payment with what its page tells; None where there is none."""
    return None if "\x00" in public_id else _with_names(Payment.objects.filter(public_id=public_id)).first()


def refund_by_id(public_id: str) -> Refund | None:
    """A refund with what its page tells; None where there is none."""
    if "\x00" in public_id:
        return None
    rows = Refund.objects.select_related("customer", "credit_note", "payment__payment_method", "payment__invoice")
    return rows.filter(public_id=public_id).first()


def attempts(payment: Payment) -> list[Payment]:
    """Every attempt on the payment's invoice, oldest first."""
    return list(payment.invoice.payments.select_related("payment_method").order_by("pk"))


def _with_names(rows: QuerySet[Payment]) -> QuerySet[Payment]:
    return rows.select_related("customer", "invoice", "payment_method")


@dataclass(frozen=True, slots=True)
class Said:
    """What the gateway has said, in plain words, and when it is asked next ("" where it is not)."""

    badge: Badge
    text: str
    asked: str
    next_at: datetime | None


def payment_said(payment: Payment) -> Said:
    """How a payment stands."""
    badge, text = _payment_words(payment)
    return Said(badge, text, _asked(payment.checks), payment.check_at)


def _payment_words(payment: Payment) -> tuple[Badge, str]:
    status = PaymentStatus(payment.status)
    if status == PaymentStatus.UNKNOWN:
        return Badge(gettext("Unknown"), "warning"), gettext(
            "The answer was lost. It may have been charged; nothing is tried meanwhile."
        )
    if status == PaymentStatus.NEEDS_CONFIRMATION:
        until = formats.instant(payment.confirm_until)
        return Badge(gettext("Bank’s confirmation"), "warning"), gettext(
            "The customer has to confirm it with their bank. From %(until)s on it is given up, and nothing is charged."
        ) % {"until": until}
    if status == PaymentStatus.PENDING:
        reached = (
            gettext("It is announced there and not charged.")
            if payment.gateway_id
            else gettext("The gateway was not reached.")
        )
        return Badge(gettext("Processing"), "info"), reached
    if status == PaymentStatus.DECLINED:
        code = f" ({payment.decline_code})" if payment.decline_code else ""
        return Badge(gettext("Declined"), "danger"), f"{decline_message(payment.decline_code)}{code}"
    if status == PaymentStatus.SUCCEEDED:
        return Badge(gettext("Succeeded"), "success"), gettext("Charged. Receipt %(number)s.") % {
            "number": payment.receipt_number
        }
    if status == PaymentStatus.SURPLUS:
        return Badge(gettext("Came too late"), "warning"), gettext(
            "Charged when no longer needed. It goes back to the card."
        )
    return Badge(gettext("Given up"), "neutral"), gettext(
        "It never reached the card, or was not confirmed. Nothing was charged."
    )


def refund_said(refund: Refund) -> Said:
    """How a refund stands."""
    words = {
        RefundStatus.PENDING: (Badge(gettext("Processing"), "info"), gettext("It is on its way to the gateway.")),
        RefundStatus.UNKNOWN: (
            Badge(gettext("Unknown"), "warning"),
            gettext("The answer was lost. It is looked for, never made twice."),
        ),
        RefundStatus.SUCCEEDED: (
            Badge(gettext("Succeeded"), "success"),
            gettext("The money is on its way to the card."),
        ),
        RefundStatus.FAILED: (
            Badge(gettext("Failed"), "danger"),
            gettext(
                "The money did not go back. The rest of the credit note is used on the next invoice, or paid outside."
            ),
        ),
    }
    badge, text = words[RefundStatus(refund.status)]
    if refund.credit_note_id is None and refund.status == RefundStatus.FAILED:
        text = gettext("The money did not go back, and no invoice needs it. Send it back again.")
    if refund.payment_id is None:
        text = gettext("Staff recorded that it was transferred.")
    if refund.failure_code:
        text = gettext("%(said)s The gateway’s word: %(code)s.") % {"said": text, "code": refund.failure_code}
    return Said(badge, text, _asked(refund.checks), refund.check_at)


def _asked(checks: int) -> str:
    few = {0: gettext("Not yet"), 1: gettext("Once"), 2: gettext("Twice")}
    return few.get(checks) or ngettext("%(checks)s time", "%(checks)s times", checks) % {"checks": checks}


@dataclass(frozen=True, slots=True)
class PaymentActions:
    """What may be done about a payment, safely. `attempt` and `seen` are carried by the form: the number of the next
    attempt, and the amount it is about; `no_retry` says why the card can't be tried again."""

    can_ask: bool
    can_retry: bool
    attempt: int
    seen: int
    amount: str
    no_retry: str


def payment_actions(payment: Payment, made: Sequence[Payment]) -> PaymentActions:
    """`made`: every attempt on its invoice, oldest first."""
    invoice = payment.invoice
    no_retry = _no_retry(payment, made)
    return PaymentActions(
        can_ask=payment.status in UNRESOLVED,
        can_retry=not no_retry,
        attempt=len(made) + 1,
        seen=invoice.amount_due,
        amount=formats.money(invoice.amount_due, invoice.currency),
        no_retry=no_retry,
    )


def _no_retry(payment: Payment, made: Sequence[Payment]) -> str:
    if payment.invoice.status != InvoiceStatus.OPEN:
        return gettext("The invoice is not open.")
    if any(one.status in UNRESOLVED for one in made):
        return gettext("An attempt has no outcome yet. Another one could charge twice.")
    if made[-1].status != PaymentStatus.DECLINED:
        return gettext("The last attempt was not declined.")
    if payment.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        return gettext("This customer pays by contract; their card is not charged by hand.")
    return ""


def refund_can_be_asked(refund: Refund) -> bool:
    """Whether it has no outcome yet."""
    return refund.status in REFUNDING


def refund_can_be_sent_again(refund: Refund) -> bool:
    """Whether it is the last of a surplus payment, and failed."""
    if refund.credit_note_id is not None or refund.status != RefundStatus.FAILED:
        return False
    return not Refund.objects.filter(payment=refund.payment_id, pk__gt=refund.pk).exists()
