"""Which charges a correction takes from: the newest of its group first, those that still wait before all."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from django.db.models import Q

from credits.charges import CorrectionDraft
from credits.exceptions import CorrectionError
from credits.models import CreditCharge, OpenCharge
from credits.state import ChargeState, Origins, held_by, newest_first
from credits.storage import Purses


def load_corrected(corrections: Iterable[CorrectionDraft], purses: Purses) -> None:
    """Every charge that these corrections may touch, into purses that are open."""
    owners = {one.customer_id for one in corrections}
    named = {one.group for one in corrections}
    if owners:
        purses.load_charges(CreditCharge.objects.filter(Q(group__in=named) | Q(key__in=named), customer_id__in=owners))


def load_waiting(corrections: Iterable[CorrectionDraft]) -> list[OpenCharge]:
    """The charges of these customers that wait for their day, the latest first."""
    owners = {one.customer_id for one in corrections}
    rows = OpenCharge.objects.filter(customer_id__in=owners, settles_at__isnull=False)
    return list(rows.order_by("-settles_at", "-pk")) if owners else []


class Correcting:
    """Corrections over what was loaded; nothing is written. `lowered` are open charges to be saved or removed."""

    def __init__(self, purses: Purses, waiting: Iterable[OpenCharge], at: datetime, *, origins: Origins) -> None:
        self.purses, self.at = purses, at
        self.lowered: list[OpenCharge] = []
        self._waiting = list(waiting)
        self._origins = origins

    def give_back(self, draft: CorrectionDraft) -> int:
        """What is given back, in minor units. Raises CorrectionError where the charges do not hold that much."""
        charges = self._charges(draft)
        waiting = [row for row in self._waiting if _belongs(draft, row.customer_id, row.key, row.charge.get("group"))]
        held = held_by(charges) + sum(row.amount for row in waiting)
        amount = held if draft.amount is None else draft.amount
        if draft.amount is not None and not 0 < amount <= held:
            raise CorrectionError(f"{draft.group} holds {held}, not {amount}")
        left = amount - self._lower(waiting, amount)
        for number, charge in enumerate(newest_first(charges)):
            part = min(left, charge.covered + charge.overdraft)
            if part:
                self._unwind(charge, part, f"{draft.key}#{number}", draft.description)
                left -= part
        return amount

    def _charges(self, draft: CorrectionDraft) -> list[ChargeState]:
        found = chain.from_iterable(purse.charges for purse in self.purses.of_customer(draft.customer_id))
        return [charge for charge in found if _belongs(draft, charge.customer_id, charge.key, charge.group)]

    def _lower(self, waiting: Iterable[OpenCharge], amount: int) -> int:
        lowered = 0
        for row in waiting:
            part = min(amount - lowered, row.amount)
            if part:
                row.amount -= part
                row.charge = row.charge | {"amount": row.amount}
                self.lowered.append(row)
                lowered += part
        return lowered

    def _unwind(self, charge: ChargeState, amount: int, key: str, description: str) -> None:
        purse = self.purses.of(charge.customer_id, charge.currency)
        purse.give_back(charge, amount, self.at, key=key, description=description, origins=self._origins)


def _belongs(draft: CorrectionDraft, customer_id: int, key: str, group: str | None) -> bool:
    return customer_id == draft.customer_id and draft.group in (key, group)
