"""Drafts become documents: a number each, both parties and every figure frozen, ready to be collected."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

from django.conf import settings
from django.db import transaction

from accounts.audit import audit
from accounts.models import AuditEntry, Customer, PaymentMethod, User
from accounts.selectors import default_payment_methods, parties, recipients
from accounts.services.hold_customers import hold_customers
from accounts.services.queue_notices import queue_notices
from core.any_of import any_of
from core.periods import midnight, utc_day
from credits.selectors import balances_of, heads
from credits.services.recognize_charges import recognize_charges
from invoices.charging import charge_key
from invoices.drawing import held_on
from invoices.emails import issued
from invoices.models import Collection, Invoice, InvoiceKind, InvoiceStatus
from invoices.numbering import CREDIT_NOTE, INVOICE, next_numbers
from invoices.parties import seller_party
from invoices.retaxing import retax
from invoices.selectors import rules_at
from invoices.services.settle_credit_notes import settle_credit_notes
from invoices.states import Move, after
from invoices.terms import terms_of

SERIES = ((InvoiceKind.CREDIT_NOTE, CREDIT_NOTE), (InvoiceKind.INVOICE, INVOICE))


@transaction.atomic
def finalize_invoices(
    *,
    invoice_ids: Iterable[int],
    at: datetime,
    actor: User | None = None,
    collect_now: bool = False,
    by_run: bool = True,
    tell: bool = True,
) -> list[Invoice]:
    """The invoices finalized by this call, in the order of their numbers; what is no draft any more is left out.

    Collected automatically at `at`, but not before the billing date that was announced; announced only on or after it
    (catching up, or with another tax since the billing details changed): CATCH_UP_NOTICE later. With `collect_now`, for
    totals the customer has just confirmed, at `at` in any case. Without `by_run` it is due then, and collected by
    whoever issues it. A total of 0 is paid at once. What credit paid is earned now. Credit notes get numbers of their
    own series and are settled; what is left of earlier ones lowers what is due on the new invoices. Without `tell` the
    message waits for `tell_issued`.
    """
    ids = list(invoice_ids)
    hold_customers(Invoice.objects.filter(any_of("pk", ids)).values_list("customer_id", flat=True))
    rows = Invoice.objects.filter(any_of("pk", ids), status=InvoiceStatus.DRAFT).select_related("seller")
    invoices = list(rows.order_by("seller_id", "pk"))
    if not invoices:
        return []
    customer_ids = {invoice.customer_id for invoice in invoices}
    buyers = parties(customer_ids)
    _retax(invoices, {pk: (buyer["country"], buyer["tax_id"]) for pk, buyer in buyers.items()}, at)
    cards = default_payment_methods(customer_ids)
    to = recipients(customer_ids)
    for invoice in invoices:
        invoice.seller_party = seller_party(invoice.seller)
        invoice.customer_party = buyers[invoice.customer_id]
        _schedule(invoice, cards.get(invoice.customer_id), at, collect_now=collect_now, by_run=by_run)
    _name_corrected(invoices)
    _earn(invoices, at)
    _number(invoices, utc_day(at).year)
    Invoice.objects.freeze(invoices)
    Customer.objects.settle_currency({invoice.customer_id: invoice.currency for invoice in invoices})
    _settle(invoices, customer_ids, at, actor)
    told = invoices if tell else []
    queue_notices(
        [issued(invoice, cards.get(invoice.customer_id), to.get(invoice.customer_id, [])) for invoice in told], at=at
    )
    AuditEntry.objects.bulk_create([_audit(invoice, at, actor) for invoice in invoices])
    return invoices


def _retax(invoices: Sequence[Invoice], places: Mapping[int, tuple[str, str]], at: datetime) -> None:
    """New billing details may bring another tax than the one announced: the issued invoice announces it anew."""
    for seller, group in groupby(invoices, key=lambda invoice: invoice.seller):
        batch = list(group)
        _, rules = rules_at(places, [invoice.customer_id for invoice in batch], seller)
        for invoice in retax(batch, rules):
            invoice.announced_at = at


def _earn(invoices: Sequence[Invoice], at: datetime) -> None:
    """What drafts accrued is earned; every customer with a ledger is told where it stands now."""
    paid = held_on(invoice.pk for invoice in invoices if invoice.credit_rows)
    keys = [charge_key(line.key, line.ref) for line in paid if line.credits > 0]
    if keys:
        recognize_charges(keys=keys, at=at)
    ledgers = heads({invoice.customer_id for invoice in invoices})
    balances = balances_of(ledgers, at) if ledgers else {}
    for invoice in invoices:
        if invoice.customer_id in ledgers:
            invoice.ledger_sequence, invoice.ledger_head = ledgers[invoice.customer_id]
            own = (each.settled for each in balances.get(invoice.customer_id, ()) if each.currency == invoice.currency)
            invoice.ledger_balance = next(own, 0)


def _name_corrected(invoices: Sequence[Invoice]) -> None:
    """A credit note says which invoices it corrects: those whose lines it gives back, else the one before it."""
    for note in invoices:
        if note.is_credit_note:
            keys = note.lines.exclude(corrects="").values_list("corrects", flat=True)
            earlier = Invoice.objects.payable_kind().filter(customer_id=note.customer_id, number__isnull=False)
            numbers = earlier.filter(lines__key__in=list(keys)).order_by("pk").values_list("number", flat=True)
            latest = earlier.filter(currency=note.currency).order_by("-pk").values_list("number", flat=True)[:1]
            note.corrects = list(dict.fromkeys(numbers)) or list(latest)


def _settle(invoices: Sequence[Invoice], customer_ids: set[int], at: datetime, actor: User | None) -> None:
    """Credit notes – just issued, or kept for the next invoice – lower what is due; the rows here learn of it."""
    credits = Invoice.objects.credit_notes().filter(any_of("customer_id", customer_ids), status=InvoiceStatus.OPEN)
    owners = set(credits.values_list("customer_id", flat=True))
    if not owners:
        return
    settle_credit_notes(customer_ids=owners, at=at, actor=actor)
    for invoice in invoices:
        if invoice.customer_id in owners:
            invoice.refresh_from_db(fields=["status", "amount_credited", "paid_at", "collect_at"])


def _schedule(invoice: Invoice, card: PaymentMethod | None, at: datetime, *, collect_now: bool, by_run: bool) -> None:
    """Status and dates: when it was issued, when it is due, when it is collected by itself."""
    invoice.finalized_at = at
    invoice.issued_on = utc_day(at)
    if not invoice.total:
        invoice.status = after(invoice.status, Move.SETTLE)
        invoice.paid_at, invoice.due_on = at, None if invoice.is_credit_note else invoice.issued_on
        return
    invoice.status = after(invoice.status, Move.FINALIZE)
    if invoice.is_credit_note:
        return
    if card is None or invoice.collection != Collection.AUTOMATIC:
        invoice.due_on = max(invoice.issued_on, invoice.billing_on) + terms_of(invoice)
        return
    due_at = at if collect_now else _collected_at(invoice, at)
    invoice.collect_at = due_at if by_run else None
    invoice.due_on = utc_day(due_at)


def _collected_at(invoice: Invoice, at: datetime) -> datetime:
    """When nobody has confirmed it: on the day that was announced, and never sooner than announced in time."""
    return at + settings.CATCH_UP_NOTICE if _announced_late(invoice) else max(at, midnight(invoice.billing_on))


def _announced_late(invoice: Invoice) -> bool:
    """Whether the customer was told only when the billing date had come."""
    return invoice.announced_at is None or invoice.announced_at >= midnight(invoice.billing_on)


def _number(invoices: Sequence[Invoice], year: int) -> None:
    """The sequence is the last lock taken, in the order of the sellers."""
    for seller, group in groupby(invoices, key=lambda invoice: invoice.seller):
        batch = list(group)
        for kind, series in SERIES:
            rows = [invoice for invoice in batch if invoice.kind == kind]
            numbers = next_numbers(seller, series, year, len(rows)) if rows else []
            for invoice, number in zip(rows, numbers, strict=True):
                invoice.number = number


def _json_day(on: date | None) -> str | None:
    return on.isoformat() if on else None


def _audit(invoice: Invoice, at: datetime, actor: User | None) -> AuditEntry:
    return audit(
        at=at,
        actor=actor,
        customer_id=invoice.customer_id,
        action="finalize_invoices",
        subject=f"invoice:{invoice.pk}",
        before={"status": InvoiceStatus.DRAFT},
        after={"status": invoice.status, "number": invoice.number, "due_on": _json_day(invoice.due_on)},
    )
