"""Drafts whose customer is taxed otherwise by now: the same lines and credits, totalled anew."""

from collections.abc import Mapping, Sequence

from invoices.models import Invoice, InvoiceLine
from invoices.totals import TaxedAmount, TaxRule, rules_from, total_up


def retax(invoices: Sequence[Invoice], rules: Mapping[int, TaxRule]) -> list[Invoice]:
    """Give these drafts (unsaved) the figures of the rule their customer has now; those that changed.

    Lines with rates of their own keep them. Nothing is read where no rule changed.
    """
    changed = [invoice for invoice in invoices if rules_from(invoice.tax_rules) != rules[invoice.customer_id]]
    if not changed:
        return []
    amounts: dict[int | None, list[int | TaxedAmount]] = {}
    lines = InvoiceLine.objects.filter(invoice__in=changed).values_list("invoice_id", "amount", "credits", "tax_rules")
    for invoice_id, gross, credits, own in lines:
        amount = gross - credits
        line = TaxedAmount(amount, rules_from(own)) if own else amount
        amounts.setdefault(invoice_id, []).append(line)
    for invoice in changed:
        rule = rules[invoice.customer_id]
        invoice.take(rule, total_up(amounts.get(invoice.pk, []), rule))
    return changed
