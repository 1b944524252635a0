"""What is left of an issued invoice to be given back, read from every document that corrects its lines."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils.translation import gettext

from core.periods import Period, utc_day
from invoices import giving_back
from invoices.exceptions import AmountNotReachableError, NotCreditableError, OverCreditedError
from invoices.giving_back import Left, NotReachableError, Split, TooMuchError, Wanted, back_line
from invoices.lines import InvoiceDraft
from invoices.models import Invoice, InvoiceLine, InvoiceStatus
from invoices.selectors import line_draft
from invoices.totals import TaxedAmount, TaxRow, TaxRule, row_from, rules_from, total_up
from invoices.watermarks import GivenBack, sum_rows

CREDITABLE = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)


@dataclass(frozen=True)
class Creditable:
    """An issued invoice: what is left of each of its lines, and what was given back of it before."""

    invoice: Invoice
    lines: tuple[Left, ...]
    before: GivenBack

    @cached_property
    def money(self) -> int:
        """What can still be given back as money, tax included, minor units."""
        return giving_back.money_left(self.lines, self.before)

    @property
    def credits(self) -> int:
        """What can still be given back to credit, minor units."""
        return sum(each.left - each.money for each in self.lines if each.left > 0)

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left to give back."""
        return not any(each.left > 0 for each in self.lines)


def read_creditable(invoice: Invoice) -> Creditable:
    """Three queries. Raises NotCreditableError for a draft, a credit note or a void invoice."""
    if invoice.is_credit_note or invoice.status not in CREDITABLE:
        raise NotCreditableError(f"invoice {invoice.pk} is {invoice.status}")
    rows = list(invoice.lines.order_by("position", "pk"))
    backs = _corrections(invoice, rows)
    by_line = defaultdict(list)
    for back in backs:
        by_line[back.corrects].append(back)
    lines = tuple(_left(row, by_line[row.key], rules_from(row.tax_rules or invoice.tax_rules)) for row in rows)
    return Creditable(invoice, lines, _given_back([back for back in backs if back.invoice_id is not None]))


def note_draft(found: Creditable, wanted: Wanted, *, key: str, at: datetime) -> InvoiceDraft:
    """The credit note that gives back what is wanted. Raises NotCreditableError, OverCreditedError,
    AmountNotReachableError."""
    invoice = found.invoice
    split = _split(found, wanted)
    return InvoiceDraft(
        key=key,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        billing_on=utc_day(at),
        period=Period(invoice.period_start, invoice.period_end),
        lines=tuple(
            back_line(each, split.parts[each.line.key], invoice.currency)
            for each in found.lines
            if each.line.key in split.parts
        ),
        collection="send_invoice",
        given_back=split.before,
        goes_to=wanted.goes_to,
        goes_first_to=wanted.payment_id,
    )


def check_total(found: Creditable, total: int) -> None:
    """A credit note is never above zero, and an invoice never below. Raises OverCreditedError."""
    if total > 0 or -total > max(found.money, 0):
        raise OverCreditedError(f"{-total} asked, {found.money} left of invoice {found.invoice.pk}")


def _split(found: Creditable, wanted: Wanted) -> Split:
    if found.is_used_up:
        raise NotCreditableError(
            f"nothing is left of invoice {found.invoice.pk}",
            message=gettext("Everything on this invoice was given back already."),
        )
    try:
        if wanted.amount is not None:
            return giving_back.split_amount(wanted.amount, found.lines, found.before)
        if wanted.lines is not None:
            return giving_back.split_lines(wanted.lines, found.lines, found.before)
    except TooMuchError as error:
        raise OverCreditedError(str(error)) from error
    except NotReachableError as error:
        raise AmountNotReachableError(str(error)) from error
    return giving_back.split_everything(found.lines, found.before)


def _corrections(invoice: Invoice, rows: Iterable[InvoiceLine]) -> list[InvoiceLine]:
    """Lines of other documents – drafts too – and lines that wait, which correct these; by document."""
    lines = InvoiceLine.objects.filter(corrects__in=[row.key for row in rows]).select_related("invoice")
    others = lines.exclude(invoice=invoice).exclude(invoice__status=InvoiceStatus.VOID)
    return list(others.order_by("invoice_id", "position", "pk"))


def _left(row: InvoiceLine, backs: Sequence[InvoiceLine], rule: TaxRule) -> Left:
    """Credits are given back last; a line below zero comes back as it was."""
    sign = 1 if row.amount >= 0 else -1
    left = max(sign * (row.amount + sum(back.amount for back in backs)), 0)
    billed = [back for back in backs if back.invoice_id is not None]
    money = max(sign * sum(each.amount - each.credits for each in (row, *billed)), 0)
    times = sum(giving_back.is_by_staff(back.key, row.key) for back in backs)
    return Left(line_draft(row), rule, sign * left, sign * min(left, money), times)


def _given_back(backs: Sequence[InvoiceLine]) -> GivenBack:
    """The amounts by rate and their tax, as the documents that gave them back have it."""
    sums: dict[TaxRule, int] = {}
    for back in backs:
        rule = rules_from(back.tax_rules)
        sums[rule] = sums.get(rule, 0) + back.amount - back.credits
    amounts = tuple(TaxedAmount(amount, rule) for rule, amount in sums.items())
    return GivenBack(amounts, sum_rows(_tax_rows(backs)))


def _tax_rows(backs: Sequence[InvoiceLine]) -> Iterator[TaxRow]:
    """The documents' own rows, where they have no other lines; else what these lines make of them."""
    documents = {back.invoice_id: back.invoice for back in backs}
    others = InvoiceLine.objects.filter(invoice__in=documents).exclude(pk__in=[back.pk for back in backs])
    mixed: dict[int | None, list[InvoiceLine]] = defaultdict(list)
    for other in others if documents else ():
        mixed[other.invoice_id].append(other)
    for invoice_id, document in documents.items():
        if document is not None:
            yield from map(row_from, document.taxes)
            yield from _without(mixed[invoice_id], document)


def _without(others: Sequence[InvoiceLine], document: Invoice) -> Iterator[TaxRow]:
    """What is the tax of the document's other lines, to be taken off."""
    totals = total_up([_taxed(line, document) for line in others], rules_from(document.tax_rules))
    yield from (TaxRow(row.rule, -row.base, -row.tax) for row in totals.taxes)


def _taxed(line: InvoiceLine, document: Invoice) -> TaxedAmount:
    return TaxedAmount(line.amount - line.credits, rules_from(line.tax_rules or document.tax_rules))
