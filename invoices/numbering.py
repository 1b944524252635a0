"""Gap-free numbers: one row per seller, series and year, locked for the rest of the transaction.

Take it after every other lock: whoever holds it makes all other finalizing wait.
"""

from invoices.models import InvoiceSequence, Seller

INVOICE = "INV"
CREDIT_NOTE = "CN"
RECEIPT = "RCP"


def next_numbers(seller: Seller, series: str, year: int, count: int) -> list[str]:
    """The next `count` numbers, INV-2026-000123 …; they are gone only if the caller's transaction commits."""
    name = seller.number_prefix + series
    rows = InvoiceSequence.objects.select_for_update().filter(seller=seller, series=name, year=year)
    row = rows.first()
    if row is None:
        new = InvoiceSequence(seller=seller, series=name, year=year)
        InvoiceSequence.objects.bulk_create([new], ignore_conflicts=True)  # another may be making it just now
        row = rows.get()
    first = row.last + 1
    row.last += count
    row.save(update_fields=["last"])
    return [f"{name}-{year}-{number:06d}" for number in range(first, row.last + 1)]
