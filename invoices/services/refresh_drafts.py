"""Billing details changed what an announced draft is taxed by: it is made anew and announced anew."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, User
from accounts.selectors import default_payment_methods, recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.emails import announced_again
from invoices.models import Invoice, InvoiceStatus
from invoices.retaxing import retax
from invoices.selectors import tax_rules
from invoices.spreading import kept_for_drafts


@transaction.atomic
def refresh_drafts(*, invoice_ids: Iterable[int], at: datetime, actor: User | None = None) -> list[Invoice]:
    """Those of these drafts that were taxed anew and announced again; a second call finds nothing that differs."""
    ids = list(invoice_ids)
    lock_customers(Invoice.objects.filter(pk__in=ids).values_list("customer_id", flat=True))
    rows = Invoice.objects.filter(pk__in=ids, status=InvoiceStatus.DRAFT).select_related("seller")
    totals: dict[int, int] = {}
    changed: list[Invoice] = []
    for seller, group in groupby(rows.order_by("seller_id", "pk"), key=lambda draft: draft.seller):
        drafts = list(group)
        totals |= {draft.pk: draft.total for draft in drafts}
        changed += retax(drafts, tax_rules([draft.customer_id for draft in drafts], seller))
    if changed:
        for draft in changed:
            draft.announced_at = at
        Invoice.objects.freeze(changed)
        _announce(changed, at)
        AuditEntry.objects.bulk_create([_audit(draft, totals[draft.pk], at, actor) for draft in changed])
    return changed


def _announce(drafts: list[Invoice], at: datetime) -> None:
    ids = [draft.customer_id for draft in drafts]
    cards, to = default_payment_methods(ids), recipients(ids)
    kept = kept_for_drafts(drafts)
    notices = [
        announced_again(draft, cards.get(draft.customer_id), to.get(draft.customer_id, []), kept.get(draft.pk, 0))
        for draft in drafts
    ]
    queue_notices(notices, at=at)


def _audit(draft: Invoice, total: int, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=draft.customer_id,
        action="refresh_drafts",
        subject=f"invoice:{draft.pk}",
        before={"total": total},
        after={"total": draft.total, "tax": draft.tax},
    )
