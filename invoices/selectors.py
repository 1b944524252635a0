"""Reads of this room. Rows are found by customer id; whoever calls has checked that the customer may be seen."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import DateTimeField, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import PaymentMethod
from accounts.selectors import countries
from core.due import Due
from invoices.exceptions import SellerMissingError
from invoices.models import UNRESOLVED, Invoice, InvoiceLine, InvoiceStatus, Payment, PaymentStatus, Seller, TaxRate
from invoices.totals import NO_TAX, TaxRule

PAYABLE = (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)


def default_seller() -> Seller:
    """Who issues documents. Raises SellerMissingError."""
    seller = Seller.objects.order_by("pk").first()
    if seller is None:
        raise SellerMissingError
    return seller


def tax_rules(customer_ids: Iterable[int], seller: Seller | None = None) -> dict[int, TaxRule]:
    """The rate each customer pays by the seller's table: their country's, else everybody else's, else none."""
    ids = list(customer_ids)
    rates = TaxRate.objects.filter(seller=seller or default_seller())
    table = {rate.country: TaxRule(label=rate.label, percent=rate.percent) for rate in rates}
    others = table.get("", NO_TAX)
    where = countries(ids)
    return {customer_id: table.get(where.get(customer_id, ""), others) for customer_id in ids}


# --- what is due ----------------------------------------------------------------------------------------------------
def due_to_finalize(at: datetime) -> list[Due]:
    """Drafts whose billing date has come, by the customer's own clock; parked customers wait."""
    return _due(Invoice.objects.filter(status=InvoiceStatus.DRAFT), at, Q(billing_on__lte=TruncDate("present")))


def due_to_collect(at: datetime) -> list[Due]:
    """Open invoices whose automatic collection has come, of customers with a default card, without a payment that
    is still unresolved."""
    unresolved = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    card = PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)
    waiting = Invoice.objects.filter(
        Exists(card), ~Exists(unresolved), status=InvoiceStatus.OPEN, collect_at__isnull=False
    )
    return _due(waiting, at, Q(collect_at__lte=F("present")))


def _due(waiting: QuerySet[Invoice], at: datetime, condition: Q) -> list[Due]:
    present = Coalesce("customer__clock_at", Value(at, output_field=DateTimeField()))
    rows = waiting.filter(customer__parked_at__isnull=True).annotate(present=present).filter(condition)
    return [Due(*row) for row in rows.order_by("present", "pk").values_list("pk", "customer_id", "present")]


def due_to_resolve(at: datetime) -> list[int]:
    """Payments without an outcome that the gateway is to be asked about again. Real time, whatever clock."""
    waiting = Payment.objects.filter(status__in=UNRESOLVED, check_at__lte=at)
    return list(waiting.order_by("check_at").values_list("pk", flat=True))


def due_to_deliver() -> tuple[list[int], list[int]]:
    """(invoices, succeeded payments) that have no PDF yet."""
    invoices = Invoice.objects.filter(number__isnull=False).exclude(documents__kind="invoice")
    payments = Payment.objects.filter(status=PaymentStatus.SUCCEEDED, receipt__isnull=True)
    return (
        list(invoices.order_by("pk").values_list("pk", flat=True)),
        list(payments.order_by("pk").values_list("pk", flat=True)),
    )


# --- what one customer sees -----------------------------------------------------------------------------------------
def documents_of(customer_id: int) -> QuerySet[Invoice]:
    """A customer's invoices, drafts included, with their payments oldest first."""
    payments = Prefetch("payments", Payment.objects.select_related("payment_method").order_by("pk"))
    return Invoice.objects.filter(customer_id=customer_id).prefetch_related(payments)


def drafts(customer_id: int) -> list[Invoice]:
    """Calculated, not yet issued; with their lines."""
    rows = documents_of(customer_id).filter(status=InvoiceStatus.DRAFT).prefetch_related("lines")
    return list(rows.order_by("billing_on", "pk"))


def unpaid(customer_id: int) -> list[Invoice]:
    """Issued and not paid, the one due first on top."""
    return list(documents_of(customer_id).filter(status__in=PAYABLE).order_by("due_on", "pk"))


def has_past_due(customer_id: int, on: date) -> bool:
    """Whether an open invoice is past its due date, or its last collection was declined."""
    last = Payment.objects.filter(invoice=OuterRef("pk")).order_by("-pk").values("status")[:1]
    rows = Invoice.objects.filter(customer_id=customer_id, status=InvoiceStatus.OPEN)
    late = Q(due_on__lt=on) | Q(last_status=PaymentStatus.DECLINED)
    return rows.annotate(last_status=Subquery(last)).filter(late).exists()


def billing_history(customer_id: int) -> QuerySet[Invoice]:
    """Every issued document, newest first."""
    return documents_of(customer_id).filter(number__isnull=False).order_by("-billing_on", "-pk")


def latest_invoice(customer_id: int) -> Invoice | None:
    """The last issued one."""
    return billing_history(customer_id).first()


def line_by_key(customer_id: int, key: str) -> InvoiceLine | None:
    """A customer's line by its Explain address, with its invoice if it has one; None for anybody else's."""
    if "\x00" in key:  # PostgreSQL has no such text
        return None
    return InvoiceLine.objects.select_related("invoice").filter(customer_id=customer_id, key=key).first()
