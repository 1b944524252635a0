"""What is said of credit that was sold: by its invoice, by its grant, and by the rule that bought it."""

from collections.abc import Iterator
from itertools import chain, groupby
from typing import Any

from django.db.models import F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from core.books import Finding
from core.questions import Question
from credits.selectors import PurchasedGrant, purchased_grants
from invoices.models import CreditSale, InvoiceLine, InvoiceStatus, LineKind
from invoices.sold_lines import credit_given_back, price_of


def check() -> Iterator[Finding]:
    """Every broken rule of sales; a fixed number of passes over the tables."""
    yield from grants_are_what_was_sold()
    yield from credit_pays_for_no_credit()
    yield from top_ups_stay_within_their_ceiling()


def grants_are_what_was_sold() -> Iterator[Finding]:
    """Every purchased grant has its invoice, is priced by it, available only if that is paid, and goes with it."""
    grants = purchased_grants()
    first = next(grants, None)
    if first is None:
        return
    prices = dict(InvoiceLine.objects.filter(kind=LineKind.CREDITS, corrects="").values_list("key", "amount"))
    backs = _given_back()
    sales = {sale.grant_id: sale for sale in CreditSale.objects.select_related("invoice").iterator(chunk_size=2_000)}
    for grant in chain([first], grants):
        sale = sales.get(grant.id)
        if sale is None:
            yield Finding("a purchased grant has its invoice", f"grant:{grant.public_id}", "none sells it")
            continue
        yield from _of_sale(sale, grant, prices.get(sale.key), backs.get(sale.key, 0))


def _of_sale(sale: CreditSale, grant: PurchasedGrant, price: int | None, back: int) -> Iterator[Finding]:
    subject, status = f"grant:{grant.public_id}", sale.invoice.status
    expected = price_of(grant.amount, grant.unit_cost, grant.currency)
    if price != expected or (sale.invoice.customer_id, sale.invoice.currency) != (grant.customer_id, grant.currency):
        yield Finding("credit is sold at its price", subject, f"invoice:{sale.invoice_id} {price}, expected {expected}")
    gone = grant.amount if status == InvoiceStatus.VOID else credit_given_back(grant.amount, expected, back)
    if grant.taken_back != gone:
        yield Finding("credit goes with its price", subject, f"taken back {grant.taken_back}, expected {gone}")
    if (grant.paid_at is not None) != (status == InvoiceStatus.PAID) and grant.taken_back < grant.amount:
        yield Finding("credit is available once it is paid", subject, f"paid at {grant.paid_at}, invoice {status}")


def _given_back() -> dict[str, int]:
    """What documents give back of each sale's price, before tax, by its key; drafts too."""
    backs = InvoiceLine.objects.filter(kind=LineKind.CREDITS, invoice__isnull=False).exclude(corrects="")
    counted = backs.exclude(invoice__status=InvoiceStatus.VOID).order_by()
    sums = counted.values("corrects").annotate(sum=Sum("amount")).values_list("corrects", "sum")
    return {key: -total for key, total in sums}


def credit_pays_for_no_credit() -> Iterator[Finding]:
    for key, credits in _credit_for_credit.ask():
        yield Finding("no credit pays for credit", f"line:{key}", f"credits {credits}")
    for (key,) in _sold_elsewhere.ask():
        yield Finding("credit is sold by an invoice of its own", f"line:{key}", "on another document")


@Question
def _credit_for_credit() -> QuerySet[InvoiceLine, Any]:
    return InvoiceLine.objects.filter(kind=LineKind.CREDITS).exclude(credits=0).values_list("key", "credits")


@Question
def _sold_elsewhere() -> QuerySet[InvoiceLine, Any]:
    sold = InvoiceLine.objects.filter(kind=LineKind.CREDITS, corrects="")
    return sold.exclude(key=Coalesce(F("invoice__key"), Value(""))).values_list("key")


def top_ups_stay_within_their_ceiling() -> Iterator[Finding]:
    """Per rule and UTC month: what was charged, up to each purchase, is no more than was allowed when it was made."""
    kept = CreditSale.objects.filter(~Q(invoice__status=InvoiceStatus.VOID), rule__isnull=False)
    rows = kept.order_by("rule", "created_at", "pk").values_list(
        "rule", "created_at", "key", "ceiling", "invoice__total"
    )
    for _, month in groupby(rows.iterator(), key=lambda row: (row[0], f"{row[1]:%Y-%m}")):
        charged = 0
        for _, _, key, ceiling, total in month:
            charged += total
            if ceiling is not None and charged > ceiling:
                yield Finding("top-ups stay within their ceiling", f"sale:{key}", f"{charged} of {ceiling}")
