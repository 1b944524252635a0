"""What of this room is due, by each customer's own clock; parked customers wait."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from accounts.models import AuditEntry, PaymentMethod
from accounts.selectors import due_rows
from core.due import only
from core.questions import DueQuestion, Given, Question
from invoices.models import UNRESOLVED, CreditStatement, Invoice, InvoiceStatus, Payment, PaymentStatus

Rows = QuerySet[Any, Any]


@DueQuestion
def due_to_finalize(at: Given, customer_id: Given | None) -> Rows:
    """Drafts whose billing date has come, by the customer's own clock.

    Of each customer the earliest first: what happened between two billing dates may discard the later one.
    """
    drafts = Invoice.objects.filter(status=InvoiceStatus.DRAFT, **only(customer_id))
    earlier = drafts.filter(customer=OuterRef("customer"), billing_on__lt=OuterRef("billing_on"))
    return due_rows(drafts.exclude(Exists(earlier)), at, Q(billing_on__lte=TruncDate("present")))


def drafts_until(customer: OuterRef, on: OuterRef) -> QuerySet[Invoice]:
    """Of the customer of an outer row: drafts that are issued first, on that day or before."""
    return Invoice.objects.filter(status=InvoiceStatus.DRAFT, customer=customer, billing_on__lte=on)


@DueQuestion
def due_to_refresh(at: Given, customer_id: Given | None) -> Rows:
    """Drafts of customers whose billing details changed since the draft was last announced."""
    changes = AuditEntry.objects.filter(
        customer=OuterRef("customer"), action="update_billing_profile", at__gte=OuterRef("announced_at")
    )
    drafts = Invoice.objects.filter(Exists(changes), status=InvoiceStatus.DRAFT, **only(customer_id))
    return due_rows(drafts, at, Q())


@DueQuestion
def due_to_collect(at: Given, customer_id: Given | None) -> Rows:
    """Open invoices whose automatic collection has come, of customers with a default card, without a payment that
    is still unresolved."""
    unresolved = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    card = PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)
    waiting = Invoice.objects.filter(
        Exists(card), ~Exists(unresolved), status=InvoiceStatus.OPEN, collect_at__isnull=False
    )
    return due_rows(waiting.filter(**only(customer_id)), at, Q(collect_at__lte=F("present")))


def due_to_deliver(
    invoice_ids: Iterable[int] | None = None, customer_id: int | None = None
) -> tuple[list[int], list[int]]:
    """(invoices, succeeded payments) that have no PDF yet; with ids only of those invoices, or of that customer."""
    if invoice_ids is None:
        found = _invoices.ask(customer_id=customer_id), _payments.ask(customer_id=customer_id)
    else:
        wanted = list(invoice_ids)
        invoices, payments = _invoices.build(customer_id), _payments.build(customer_id)
        found = list(invoices.filter(pk__in=wanted)), list(payments.filter(invoice_id__in=wanted))
    return [pk for (pk,) in found[0]], [pk for (pk,) in found[1]]


@Question
def _invoices(customer_id: int | Given | None) -> Rows:
    rows = Invoice.objects.filter(number__isnull=False, **only(customer_id)).exclude(documents__kind="invoice")
    return rows.order_by("pk").values_list("pk")


@Question
def _payments(customer_id: int | Given | None) -> Rows:
    rows = Payment.objects.filter(status=PaymentStatus.SUCCEEDED, receipt__isnull=True, **only(customer_id))
    return rows.order_by("pk").values_list("pk")


def voids_to_deliver(customer_id: int | None = None) -> list[int]:
    """Issued documents that are void and have no stamped copy yet."""
    return [pk for (pk,) in _voids.ask(customer_id=customer_id)]


@Question
def _voids(customer_id: Given | None) -> Rows:
    rows = Invoice.objects.filter(status=InvoiceStatus.VOID, number__isnull=False, **only(customer_id))
    return rows.exclude(documents__kind="void").order_by("pk").values_list("pk")


def statements_to_deliver(customer_id: int | None = None) -> list[int]:
    """Credit statements that have no PDF yet."""
    return [pk for (pk,) in _statements.ask(customer_id=customer_id)]


@Question
def _statements(customer_id: Given | None) -> Rows:
    rows = CreditStatement.objects.filter(document__isnull=True, **only(customer_id))
    return rows.order_by("pk").values_list("pk")
