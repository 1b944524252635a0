"""What charges hold by now, for the books of those who handed them down. Amounts in minor units."""

from collections.abc import Iterable, Iterator

from django.db.models import F, Sum

from credits.models import CreditCharge


def held_by_groups(key_part: str) -> Iterator[tuple[int, str, int]]:
    """(customer, group, what its charges hold): paid by grants and overdraft, less what was given back.

    Of all groups with a charge whose key contains `key_part`; streamed.
    """
    charges = CreditCharge.objects.filter(key__contains=key_part).order_by().values("customer_id", "group")
    held = charges.annotate(held=Sum(F("covered") + F("overdraft")))
    return held.values_list("customer_id", "group", "held").iterator(chunk_size=5_000)


def accrued_charges(keys: Iterable[str]) -> set[str]:
    """Those of these charges that are not earned yet."""
    return set(CreditCharge.objects.filter(key__in=list(keys), is_final=False).values_list("key", flat=True))
