"""What of billed lines still stands: their amounts less what every other document gave back of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from invoices.giving_back import Standing, is_by_staff
from invoices.models import InvoiceLine, InvoiceStatus


def standing(keys: Iterable[str], discarding: Collection[str] = ()) -> dict[str, Standing]:
    """What stands of each of these lines, by key, minor units. One query, none for no key.

    Every document that is not void counts, drafts too, and lines that wait; nothing stands of a line whose invoice is
    void, or of one there never was. Drafts with a key in `discarding` count as given up.
    """
    wanted = set(keys)
    if not wanted:
        return {}
    lines = InvoiceLine.objects.filter(Q(key__in=wanted) | Q(corrects__in=wanted))
    rows = lines.exclude(invoice__status=InvoiceStatus.VOID).exclude(invoice__key__in=discarding).order_by("pk")
    billed: dict[str, int] = dict.fromkeys(wanted, 0)
    back: dict[str, int] = defaultdict(int)
    notes: dict[str, list[str]] = defaultdict(list)
    for key, corrects, amount, number in rows.values_list("key", "corrects", "amount", "invoice__number"):
        if key in wanted:
            billed[key] = amount
        if corrects in wanted:
            back[corrects] += amount
            if number and is_by_staff(key, corrects):
                notes[corrects].append(number)
    return {key: Standing(billed[key], max(billed[key] + back[key], 0), tuple(notes[key])) for key in wanted}


def given_back_too_much(prefix: str) -> Iterator[tuple[str, int, int]]:
    """Lines whose key begins so of which documents give back more than they billed: (key, billed, given back), minor
    units. One query, for the books. A line on a void invoice has billed nothing.
    """
    counted = InvoiceLine.objects.exclude(invoice__status=InvoiceStatus.VOID)
    billed = Subquery(counted.filter(key=OuterRef("corrects")).values("amount")[:1])
    backs = counted.filter(corrects__startswith=prefix, amount__lt=0).order_by().values("corrects")
    sums = backs.annotate(back=-Sum("amount"), billed=Coalesce(billed, 0))
    yield from sums.filter(back__gt=F("billed")).values_list("corrects", "billed", "back").iterator()
