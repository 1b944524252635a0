"""Purses are loaded here, by a number of queries that does not depend on how many customers or charges take part.

Whoever writes them back (credits/ledger.py) holds the customers' lock, so nothing loaded has changed meanwhile.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from credits.models import CreditCharge, CreditGrant, LedgerEntry, LedgerTransaction
from credits.state import AllocationState, ChargeState, Corrected, GrantState, Posting, Purse

GRANT = (
    "id", "public_id", "customer_id", "currency", "funding", "name", "priority", "features", "effective_at",
    "expires_at", "created_at", "paid_at", "released_at", "settled_at", "pending", "available", "repaid", "used",
    "expired", "voided", "taken_back",
)  # fmt: skip
FEATURES = GRANT.index("features")
CHARGE = (
    "key", "group", "customer_id", "currency", "feature_key", "title", "line_key", "details", "amount", "booked_at",
    "created_at", "is_final", "covered", "overdraft", "returned", "id",
)  # fmt: skip
CHARGE_ID, GRANT_ID = CHARGE.index("id"), len(CHARGE)
PAID = tuple(f"allocations__{name}" for name in ("grant", "position", "amount", "is_repayment", "returned", "id"))
OPEN = Q(available__gt=0) | Q(pending__gt=0)


def among(values: Collection[int | None] | Collection[str], kind: str = "bigint") -> RawSQL:
    """For `field__in`: one array instead of a parameter per value, which thousands of values make slow."""
    return RawSQL(f"SELECT unnest(%s::{kind}[])", [list(values)])  # noqa: S611 – the types named here


class Purses:
    """The purses of some customers, by customer and currency; opened where nothing was there yet."""

    def __init__(self) -> None:
        self.journal: list[Posting] = []
        self._purses: dict[tuple[int, str], Purse] = {}
        self._grants: dict[int, GrantState] = {}
        self._charges: dict[int, ChargeState] = {}

    def __iter__(self) -> Iterator[Purse]:
        return iter(self._purses.values())

    def of(self, customer_id: int, currency: str) -> Purse:
        purse = self._purses.get((customer_id, currency))
        if purse is None:
            purse = self._purses[customer_id, currency] = Purse(customer_id, currency, self.journal)
        return purse

    def of_customer(self, customer_id: int) -> list[Purse]:
        return [purse for (owner, _), purse in self._purses.items() if owner == customer_id]

    # --- loading ----------------------------------------------------------------------------------------------------
    def load_open(self, customer_ids: Collection[int], *, until: datetime, repaying: bool = False) -> "Purses":
        """What can still pay or becomes available; the overdraft of those where something repays it by `until`."""
        self._load_grants(CreditGrant.objects.filter(OPEN, customer_id__in=among(customer_ids)))
        debtors = set(customer_ids) if repaying else set(self._releasing(until))
        if debtors:
            self.load_owed(debtors)
        return self

    def _releasing(self, until: datetime) -> Iterator[int]:
        for grant in self._grants.values():
            if grant.pending and grant.paid_at is not None and grant.effective_at <= until:
                yield grant.customer_id

    def load_owed(self, customer_ids: Collection[int]) -> None:
        rows = CreditCharge.objects.filter(customer_id__in=among(customer_ids), overdraft__gt=0)
        positions = rows.annotate(next=Coalesce(Max("allocations__position") + 1, 0)).order_by("booked_at", "pk")
        for *values, position in positions.values_list(*CHARGE, "next"):
            charge = self._charge(values)
            charge.next_position = max(charge.next_position, position)
            self.of(charge.customer_id, charge.currency).owed.append(charge)

    def load_charges(self, rows: "QuerySet[CreditCharge]") -> list[ChargeState]:
        """Charges with all that grants pay of them, in the order written. One query, and one for grants that are over.

        What was loaded before stays as it stands.
        """
        found = list(rows.order_by("pk", "allocations__position").values_list(*CHARGE, *PAID))
        missing = {row[GRANT_ID] for row in found if row[GRANT_ID]} - self._grants.keys()
        if missing:
            self._load_grants(CreditGrant.objects.filter(pk__in=among(missing)))
        return [self._paid_charge(list(each)) for _, each in groupby(found, key=itemgetter(CHARGE_ID))]

    def _paid_charge(self, rows: Sequence[tuple[Any, ...]]) -> ChargeState:
        """A charge out of its rows: one for every grant that pays some of it, or one of none."""
        charge = self._charge(rows[0][:GRANT_ID])
        if charge.allocations:
            return charge
        for grant_id, position, *values in (row[GRANT_ID:] for row in rows if row[GRANT_ID]):
            charge.allocations.append(AllocationState(self._grants[grant_id], position, *values))
            charge.next_position = max(charge.next_position, position + 1)
        return charge

    def _load_grants(self, rows: "QuerySet[CreditGrant]") -> None:
        for row in rows.order_by("pk").values_list(*GRANT):
            if row[0] not in self._grants:
                values = [*row[:FEATURES], frozenset(row[FEATURES]), *row[FEATURES + 1 :]]
                self.add_grant(GrantState(*values))

    def add_grant(self, grant: GrantState) -> None:
        self._grants[grant.id] = grant
        self.of(grant.customer_id, grant.currency).grants[grant.id] = grant

    def grant(self, grant_id: int) -> GrantState:
        """A grant as it stands; loaded where it is over."""
        if grant_id not in self._grants:
            self._load_grants(CreditGrant.objects.filter(pk=grant_id))
        return self._grants[grant_id]

    def _charge(self, values: Iterable[object]) -> ChargeState:
        charge = ChargeState(*values)  # type: ignore[arg-type]
        known = self._charges.get(charge.id or 0)
        if known is not None:
            return known
        self._charges[charge.id or 0] = charge
        self.of(charge.customer_id, charge.currency).charges.append(charge)
        return charge

    # --- where corrections point ------------------------------------------------------------------------------------
    @staticmethod
    def origins(charges: Iterable[ChargeState]) -> dict[tuple[str, int | None], Corrected]:
        """Which transactions drew what these charges hold (see `credits.state.Origins`)."""
        by_id = {charge.id: charge for charge in charges}
        rows = LedgerTransaction.objects.filter(charge_id__in=by_id, kind__in=("consumed", "adjustment"))
        found: dict[tuple[str, int | None], Corrected] = {
            (by_id[charge_id].key, grant_id): Corrected(pk, key)
            for charge_id, grant_id, pk, key in rows.values_list("charge_id", "grant_id", "pk", "key")
        }
        grants = {
            one.grant.id for charge in by_id.values() for one in charge.allocations
            if one.is_repayment and one.amount > one.returned
        }  # fmt: skip
        return found | Purses._repayments(by_id, grants) if grants else found

    @staticmethod
    def _repayments(
        by_id: dict[int | None, ChargeState], grants: Collection[int]
    ) -> dict[tuple[str, int | None], Corrected]:
        rows = LedgerEntry.objects.filter(
            charge_id__in=by_id, transaction__grant_id__in=grants, transaction__kind__in=("funded", "adjustment"),
            transaction__charge__isnull=True,
        )  # fmt: skip
        fields = ("charge_id", "transaction__grant_id", "transaction_id", "transaction__key")
        return {
            (by_id[charge_id].key, -grant_id): Corrected(pk, key)
            for charge_id, grant_id, pk, key in rows.order_by("transaction_id").values_list(*fields)
        }
