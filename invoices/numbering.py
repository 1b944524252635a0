"""Gap-free numbers: one row per seller, series and year, locked for the rest of the transaction.

Take it after every other lock: whoever holds it makes all other finalizing wait.
"""

from invoices.models import InvoiceSequence, Seller

INVOICE = "INV"
RECEIPT = "RCP"


def next_numbers(seller: Seller, series: str, year: int, count: int) -> list[str]:
    """The next `count` numbers, INV-2026-000123 …; they are gone only if the caller's transaction commits."""
    name = seller.number_prefix + series
    InvoiceSequence.objects.bulk_create([InvoiceSequence(seller=seller, series=name, year=year)], ignore_conflicts=True)
    row = InvoiceSequence.objects.select_for_update().get(seller=seller, series=name, year=year)
    first = row.last + 1
    row.last += count
    row.save(update_fields=["last"])
    return [f"{name}-{year}-{number:06d}" for number in range(first, row.last + 1)]
