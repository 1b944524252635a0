"""Gap-free numbers: one row per seller, series and year, locked for the rest of the transaction.

Take it after every other lock: whoever holds it makes all other finalizing wait.
"""

from django.db import connection

from invoices.models import InvoiceSequence, Seller

INVOICE = "INV"
CREDIT_NOTE = "CN"
RECEIPT = "RCP"

TAKE = """
UPDATE invoices_invoicesequence SET last = last + %s WHERE seller_id = %s AND series = %s AND year = %s RETURNING last
"""


def next_numbers(seller: Seller, series: str, year: int, count: int) -> list[str]:
    """The next `count` numbers, INV-2026-000123 …; they are gone only if the caller's transaction commits."""
    name = seller.number_prefix + series
    last = _take(seller, name, year, count)
    if last is None:
        new = InvoiceSequence(seller=seller, series=name, year=year)
        InvoiceSequence.objects.bulk_create([new], ignore_conflicts=True)  # another may be making it just now
        return next_numbers(seller, series, year, count)
    return [f"{name}-{year}-{number:06d}" for number in range(last - count + 1, last + 1)]


def _take(seller: Seller, series: str, year: int, count: int) -> int | None:
    """The last number afterwards, its row locked by the same statement; None where there is no row."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [count, seller.pk, series, year])
        row = cursor.fetchone()
    return int(row[0]) if row else None
