"""One charge with what it was rated from and which credit paid it: for whoever explains it to the customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credits.charges import Allocation
from credits.models import CreditCharge
from credits.selectors import allocations_of


@dataclass(frozen=True, slots=True)
class ExplainedCharge:
    """`details` is the rated line as it was charged; `returned` what was given back since. Minor units."""

    key: str
    title: str
    currency: str
    feature_key: str
    amount: int
    returned: int
    booked_at: datetime
    details: Mapping[str, Any]
    paid: Allocation


def explained_charge(customer_id: int, key: str) -> ExplainedCharge | None:
    """A customer's charge of that key that stands on no document; None where there is none."""
    if "\x00" in key:  # PostgreSQL has no such text
        return None
    row = CreditCharge.objects.filter(customer_id=customer_id, key=key).exclude(details={}).first()
    if row is None:
        return None
    paid = allocations_of([key])[key]
    return ExplainedCharge(
        row.key, row.title, row.currency, row.feature_key, row.amount, row.returned, row.booked_at, row.details, paid
    )
