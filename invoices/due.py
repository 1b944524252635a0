"""What of this room is due, by each customer's own clock; parked customers wait."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from accounts.models import AuditEntry, PaymentMethod
from accounts.selectors import present_in_sql
from core.due import Due, only
from invoices.models import UNRESOLVED, CreditStatement, Invoice, InvoiceStatus, Payment, PaymentStatus


def due_to_finalize(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Drafts whose billing date has come, by the customer's own clock.

    Of each customer the earliest first: what happened between two billing dates may discard the later one.
    """
    drafts = Invoice.objects.filter(status=InvoiceStatus.DRAFT, **only(customer_id))
    earlier = drafts.filter(customer=OuterRef("customer"), billing_on__lt=OuterRef("billing_on"))
    return _due(drafts.exclude(Exists(earlier)), at, Q(billing_on__lte=TruncDate("present")))


def drafts_until(customer: OuterRef, on: OuterRef) -> QuerySet[Invoice]:
    """Of the customer of an outer row: drafts that are issued first, on that day or before."""
    return Invoice.objects.filter(status=InvoiceStatus.DRAFT, customer=customer, billing_on__lte=on)


def due_to_refresh(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Drafts of customers whose billing details changed since the draft was last announced."""
    changes = AuditEntry.objects.filter(
        customer=OuterRef("customer"), action="update_billing_profile", at__gte=OuterRef("announced_at")
    )
    drafts = Invoice.objects.filter(Exists(changes), status=InvoiceStatus.DRAFT, **only(customer_id))
    return _due(drafts, at, Q())


def due_to_collect(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Open invoices whose automatic collection has come, of customers with a default card, without a payment that
    is still unresolved."""
    unresolved = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    card = PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)
    waiting = Invoice.objects.filter(
        Exists(card), ~Exists(unresolved), status=InvoiceStatus.OPEN, collect_at__isnull=False
    )
    return _due(waiting.filter(**only(customer_id)), at, Q(collect_at__lte=F("present")))


def _due(waiting: QuerySet[Invoice], at: datetime, condition: Q) -> list[Due]:
    present = present_in_sql(at)
    rows = waiting.filter(customer__parked_at__isnull=True).annotate(present=present).filter(condition)
    return [Due(*row) for row in rows.order_by("present", "pk").values_list("pk", "customer_id", "present")]


def due_to_deliver(
    invoice_ids: Iterable[int] | None = None, customer_id: int | None = None
) -> tuple[list[int], list[int]]:
    """(invoices, succeeded payments) that have no PDF yet; with ids only of those invoices, or of that customer."""
    invoices = Invoice.objects.filter(number__isnull=False, **only(customer_id)).exclude(documents__kind="invoice")
    payments = Payment.objects.filter(status=PaymentStatus.SUCCEEDED, receipt__isnull=True, **only(customer_id))
    if invoice_ids is not None:
        wanted = list(invoice_ids)
        invoices, payments = invoices.filter(pk__in=wanted), payments.filter(invoice_id__in=wanted)
    return (
        list(invoices.order_by("pk").values_list("pk", flat=True)),
        list(payments.order_by("pk").values_list("pk", flat=True)),
    )


def statements_to_deliver(customer_id: int | None = None) -> list[int]:
    """Credit statements that have no PDF yet."""
    rows = CreditStatement.objects.filter(document__isnull=True, **only(customer_id))
    return list(rows.order_by("pk").values_list("pk", flat=True))
