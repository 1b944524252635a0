"""What is overdue, of whom, and what was told about it: the facts that `invoices.dunning` works with."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from accounts.models import Notice, PaymentMethod
from accounts.notices import AGAIN
from accounts.selectors import present_in_sql
from core.any_of import any_of
from core.due import Due, only
from core.questions import DueQuestion, Given, Question
from invoices.dunning import Dunning, NamedConsequence, OverdueNotice, Policy, UnpaidInvoice, dunning
from invoices.emails import FINAL
from invoices.models import UNRESOLVED, Invoice, InvoiceKind, InvoiceStatus, OverdueStory, Payment, PaymentStatus
from invoices.selectors import declined_collections

OPEN = {"status": InvoiceStatus.OPEN, "kind": InvoiceKind.INVOICE}
MESSAGES = ("payment_failed", "payment_reminder", "payment_warning")
NO_CONSEQUENCE = NamedConsequence()


def policy(consequence: NamedConsequence = NO_CONSEQUENCE) -> Policy:
    """The settings, and what a customer's plan says."""
    return Policy(settings.DUNNING_NOTICE_DAYS, settings.DUNNING_PATIENCE, consequence.kind)


def overdue_customers(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Customers with an open invoice that is past due by their own clock; nobody parked. One query, by id."""
    found = _overdue.ask(at=at, customer_id=customer_id)
    return [Due(customer, customer, present) for customer, present in found]


@Question
def _overdue(at: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    open_ones = Invoice.objects.debts().filter(customer__parked_at__isnull=True, **OPEN, **only(customer_id))
    late = Q(due_on__lt=TruncDate("present")) | Exists(declined_collections())
    rows = open_ones.annotate(present=present_in_sql(at)).filter(late).order_by("present", "customer_id")
    return rows.values_list("customer_id", "present").distinct()


def dunning_of(presents: Mapping[int, datetime], consequences: Mapping[int, NamedConsequence]) -> dict[int, Dunning]:
    """Where each of these customers (id → their present) stands; three queries for any number of them."""
    unpaid, told = _unpaid(presents), _told(presents)
    return {
        customer_id: dunning(
            [unpaid_invoice(row) for row in unpaid[customer_id]],
            told[customer_id],
            policy(consequences.get(customer_id, NO_CONSEQUENCE)),
            at,
        )
        for customer_id, at in presents.items()
    }


def lost_tries(customer_ids: Collection[int], at: datetime) -> QuerySet[Invoice]:
    """Declined invoices that should have been collected again by now, and there is no card: a card added later is not
    charged by itself."""
    debts = Invoice.objects.debts().filter(any_of("customer_id", customer_ids), **OPEN)
    return debts.filter(Exists(declined_collections())).filter(~Exists(_default_card()), collect_at__lte=at)


def unpaid_invoice(row: Invoice) -> UnpaidInvoice:
    """An open invoice as a plain value. Without a card nothing will be tried, whatever was planned."""
    found: bool = row.has_card  # type: ignore[attr-defined]  # annotated by _unpaid
    return UnpaidInvoice(
        id=row.pk,
        due_on=row.due_on or row.billing_on,
        declined_at=row.declined_at,  # type: ignore[attr-defined]
        next_try=row.collect_at if found else None,
        is_unresolved=row.is_unresolved,  # type: ignore[attr-defined]
    )


def _unpaid(customer_ids: Collection[int]) -> dict[int, list[Invoice]]:
    first = declined_collections().order_by().values("invoice").annotate(first=Min("settled_at")).values("first")
    waiting = Payment.objects.filter(invoice=OuterRef("pk"), status__in=UNRESOLVED)
    rows = (
        Invoice.objects.debts()
        .filter(any_of("customer_id", customer_ids), **OPEN)
        .annotate(declined_at=Subquery(first), has_card=Exists(_default_card()), is_unresolved=Exists(waiting))
    )
    found: dict[int, list[Invoice]] = defaultdict(list)
    for row in rows.only("customer_id", "due_on", "billing_on", "collect_at").order_by("pk"):
        found[row.customer_id].append(row)
    return found


def _default_card() -> QuerySet[PaymentMethod]:
    return PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)


def last_declined(invoice_ids: Collection[int]) -> dict[int, Payment]:
    """Of each invoice the payment that was declined last, if any."""
    tried = Payment.objects.filter(invoice_id__in=invoice_ids, status=PaymentStatus.DECLINED)
    return {row.invoice_id: row for row in tried.select_related("payment_method").order_by("settled_at", "pk")}


def _told(customer_ids: Collection[int]) -> dict[int, list[OverdueNotice]]:
    rows = Notice.objects.filter(any_of("customer_id", customer_ids), template__in=MESSAGES)
    rows = rows.exclude(key__startswith=AGAIN)
    found: dict[int, list[OverdueNotice]] = defaultdict(list)
    columns = ("customer_id", "key", "sent_at", "context__consequence")
    for customer_id, key, sent_at, warns_of in rows.values_list(*columns):
        found[customer_id or 0].append(OverdueNotice(_invoice_id(key), sent_at, warns_of or ""))
    return found


def warning_of(invoice_id: int, consequence: str) -> Notice:
    """The final warning about an invoice that names this consequence, found by its key."""
    return Notice.objects.get(key=f"invoice:{invoice_id}:{FINAL}{consequence}")


def _invoice_id(key: str) -> int:
    """`invoice:7:failed:3` → 7."""
    return int(key.split(":")[1])


@DueQuestion
def stories_over(at: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    """Open stories of customers with nothing overdue any more, by their own clock."""
    stories = OverdueStory.objects.open().filter(customer__parked_at__isnull=True, **only(customer_id))
    late = Q(due_on__lt=OuterRef("today")) | Exists(declined_collections())
    overdue = Invoice.objects.debts().filter(late, customer=OuterRef("customer"), **OPEN)
    rows = stories.annotate(present=present_in_sql(at), today=TruncDate(present_in_sql(at))).exclude(Exists(overdue))
    return rows.order_by("present", "pk").values_list("pk", "customer_id", "present")
