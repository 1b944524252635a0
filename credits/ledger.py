"""The only place that appends to the ledger: what purses booked becomes rows, chained, with its projections.

Everything is written in bulk, by a number of statements that does not depend on how much there is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models

from accounts.models import Customer
from core.bulk import copy_values
from credits import chain
from credits.models import (
    ChainHead,
    CreditAllocation,
    CreditBalance,
    CreditCharge,
    CreditGrant,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
)
from credits.state import OVERDRAFT, AllocationState, ChargeState, GrantState, Posting
from credits.storage import Purses, among

BUSINESS = frozenset({"earnings", "breakage", "funding"})
Account = tuple[int | None, str, str]  # customer, currency, kind

RESERVE = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
CHARGE = (
    "id", "key", "group", "customer_id", "currency", "feature_key", "title", "line_key", "details", "amount",
    "covered", "overdraft", "returned", "is_final", "booked_at", "created_at",
)  # fmt: skip
AMOUNTS = ("pending", "available", "repaid", "used", "expired", "voided", "taken_back")
STATES = ("paid_at", "released_at", "settled_at")
ALLOCATION = ("id", "charge_id", "grant_id", "position", "amount", "returned", "is_repayment")
TRANSACTION = (
    "id", "key", "customer_id", "sequence", "kind", "currency", "amount", "grant_id", "charge_id", "feature_key",
    "corrects_id", "description", "booked_at", "created_at", "entry_count", "previous_hash", "hash",
)  # fmt: skip
ENTRY = ("transaction_id", "position", "account_id", "amount", "grant_id", "charge_id")


def write(purses: Purses, customers: Mapping[int, Customer], at: datetime) -> int:
    """Write what these purses booked and what it changed; how many transactions that were.

    The customers are locked by the caller. `at` is when it is written.
    """
    charges = [charge for purse in purses for charge in purse.charges if charge.changed]
    _write_charges(charges)
    if purses.journal:
        keys = {customer_id: customer.key for customer_id, customer in customers.items()}
        _append(purses.journal, keys, at)
        _write_balances(purses.journal)
    _write_grants([grant for purse in purses for grant in purse.grants.values() if grant.changed])
    written = len(purses.journal)
    purses.journal.clear()
    return written


# --- charges and grants ----------------------------------------------------------------------------------------------
def _write_charges(charges: Sequence[ChargeState]) -> None:
    known = [charge for charge in charges if charge.id is not None]
    new = [charge for charge in charges if charge.id is None]
    for charge, number in zip(new, _reserve(CreditCharge, len(new)), strict=True):
        charge.id = number
    if new:
        copy_values(CreditCharge, CHARGE, map(_charge_row, new))
    if known:
        columns = {name: [getattr(one, name) for one in known] for name in ("id", "covered", "overdraft", "returned")}
        _update(CreditCharge, columns | {"is_final": [one.is_final for one in known]})
    _write_allocations(charges)
    for charge in charges:
        charge.changed = False


def _charge_row(one: ChargeState) -> tuple[Any, ...]:
    return (
        one.id, one.key, one.group, one.customer_id, one.currency, one.feature_key, one.title, one.line_key,
        one.details, one.amount, one.covered, one.overdraft, one.returned, one.is_final, one.booked_at, one.created_at,
    )  # fmt: skip


def _write_allocations(charges: Iterable[ChargeState]) -> None:
    new = [(charge, one) for charge in charges for one in charge.allocations if one.id is None]
    returned = [one for charge in charges for one in charge.allocations if one.changed and one.id is not None]
    for (_, one), number in zip(new, _reserve(CreditAllocation, len(new)), strict=True):
        one.id = number
    if new:
        copy_values(CreditAllocation, ALLOCATION, (_allocation_row(charge, one) for charge, one in new))
    if returned:
        _update(CreditAllocation, {"id": [one.id for one in returned], "returned": [one.returned for one in returned]})
    for one in (*returned, *(one for _, one in new)):
        one.changed = False


def _allocation_row(charge: ChargeState, one: AllocationState) -> tuple[Any, ...]:
    return one.id, charge.id, one.grant.id, one.position, one.amount, one.returned, one.is_repayment


def _write_grants(grants: Sequence[GrantState]) -> None:
    if not grants:
        return
    _update(CreditGrant, {name: [getattr(grant, name) for grant in grants] for name in ("id", *AMOUNTS)})
    if moved := [grant for grant in grants if grant.moved]:
        _update(CreditGrant, {name: [getattr(grant, name) for grant in moved] for name in ("id", *STATES)})
    for grant in grants:
        grant.changed = grant.moved = False


def _update(model: type[models.Model], columns: Mapping[str, list[Any]]) -> None:
    """One statement for any number of rows; `columns` by name, `id` among them."""
    types = {field.column: field.db_type(connection) for field in model._meta.concrete_fields}
    arrays = ", ".join(f"%s::{_plain(str(types[name]))}[]" for name in columns)
    changes = ", ".join(f"{name} = new.{name}" for name in columns if name != "id")
    statement = (
        f"UPDATE {model._meta.db_table} AS old SET {changes} "  # noqa: S608 – names of our own columns
        f"FROM unnest({arrays}) AS new ({', '.join(columns)}) WHERE old.id = new.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [_array(column) for column in columns.values()])


def _array(column: list[Any]) -> Any:
    """Whole numbers as the text of an array, which is much quicker to make than a list that is adapted."""
    if column and all(type(value) is int for value in column):
        return "{" + ",".join(map(str, column)) + "}"
    return column


def _plain(type_name: str) -> str:
    return type_name.split(" GENERATED")[0]


def _reserve(model: type[models.Model], count: int) -> list[int]:
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(RESERVE, [model._meta.db_table, count])
        return [number for (number,) in cursor.fetchall()]


# --- the ledger ------------------------------------------------------------------------------------------------------
def _append(journal: Sequence[Posting], customer_keys: Mapping[int, str], at: datetime) -> None:
    accounts = _accounts(journal)
    heads = _heads({posting.customer_id for posting in journal})
    numbers = _reserve(LedgerTransaction, len(journal))
    transactions: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    for posting, number in zip(journal, numbers, strict=True):
        sequence, previous = heads[posting.customer_id]
        facts = _facts(posting, customer_keys[posting.customer_id], sequence + 1, previous, at)
        digest = chain.hash_of(facts)
        heads[posting.customer_id] = sequence + 1, digest
        transactions.append(_transaction_row(posting, number, facts, digest))
        entries.extend(_entry_rows(posting, number, accounts))
    copy_values(LedgerTransaction, TRANSACTION, transactions)
    copy_values(LedgerEntry, ENTRY, entries)
    _write_heads(heads)


def _facts(posting: Posting, customer: str, sequence: int, previous: str, at: datetime) -> chain.Transaction:
    grant, charge, corrects = posting.grant, posting.charge, posting.corrects
    return chain.Transaction(
        customer, sequence, posting.key, posting.kind, posting.currency, posting.amount,
        grant.public_id if grant else None, charge.key if charge else None, charge.feature_key if charge else "",
        corrects.key if corrects else None, posting.description, posting.booked_at, at,
        tuple([
            chain.Entry(
                entry.account, posting.currency, entry.amount, entry.grant.public_id if entry.grant else None,
                entry.charge.key if entry.charge else None,
            )
            for entry in posting.entries
        ]),
        previous,
    )  # fmt: skip


def _transaction_row(posting: Posting, number: int, facts: chain.Transaction, digest: str) -> tuple[Any, ...]:
    grant, charge, corrects = posting.grant, posting.charge, posting.corrects
    return (
        number, posting.key, posting.customer_id, facts.sequence, posting.kind, posting.currency, posting.amount,
        grant.id if grant else None, charge.id if charge else None, facts.feature, corrects.id if corrects else None,
        posting.description, posting.booked_at, facts.created_at, len(posting.entries), facts.previous_hash, digest,
    )  # fmt: skip


def _entry_rows(posting: Posting, number: int, accounts: Mapping[Account, int]) -> Iterable[tuple[Any, ...]]:
    for position, (kind, amount, grant, charge) in enumerate(posting.entries):
        owner = None if kind in BUSINESS else posting.customer_id
        account = accounts[owner, posting.currency, kind]
        yield number, position, account, amount, grant.id if grant else None, charge.id if charge else None


def _accounts(journal: Iterable[Posting]) -> dict[Account, int]:
    """The accounts these postings need; those that are missing are opened."""
    needed = {
        (None if entry.account in BUSINESS else posting.customer_id, posting.currency, entry.account)
        for posting in journal
        for entry in posting.entries
    }
    found = _find_accounts({customer_id for customer_id, _, _ in needed if customer_id})
    missing = needed - found.keys()
    if not missing:
        return found
    # Another customer's verb may open an account of the business at the same time; it is waited for here.
    LedgerAccount.objects.bulk_create(
        [
            LedgerAccount(customer_id=owner, currency=currency, kind=kind)
            for owner, currency, kind in sorted(missing, key=str)
        ],
        ignore_conflicts=True,
    )
    return _find_accounts({customer_id for customer_id, _, _ in needed if customer_id})


def _find_accounts(customer_ids: Collection[int]) -> dict[Account, int]:
    fields = ("customer_id", "currency", "kind", "pk")
    own = LedgerAccount.objects.filter(customer_id__in=among(customer_ids)).values_list(*fields)
    business = LedgerAccount.objects.filter(customer__isnull=True).values_list(*fields)
    return {(owner, currency, kind): pk for owner, currency, kind, pk in own.union(business, all=True)}


def _heads(customer_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    rows = ChainHead.objects.filter(pk__in=among(customer_ids)).values_list("pk", "sequence", "hash")
    heads = dict.fromkeys(customer_ids, (0, chain.GENESIS))
    return heads | {customer_id: (sequence, digest) for customer_id, sequence, digest in rows}


def _write_heads(heads: Mapping[int, tuple[int, str]]) -> None:
    _upsert(
        "INSERT INTO credits_chainhead (customer_id, sequence, hash) "
        "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) "
        "ON CONFLICT (customer_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash",
        [(customer_id, sequence, digest) for customer_id, (sequence, digest) in heads.items()],
    )


def _write_balances(journal: Sequence[Posting]) -> None:
    moved: dict[tuple[int, str], list[int]] = {}
    for posting in journal:
        sums = moved.setdefault((posting.customer_id, posting.currency), [0, 0])
        sums[0] += posting.amount
        sums[1] -= sum([entry.amount for entry in posting.entries if entry.account == OVERDRAFT])
    _upsert(
        f"INSERT INTO {CreditBalance._meta.db_table} AS old (customer_id, currency, settled, overdraft) "  # noqa: S608
        "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[]) "
        "ON CONFLICT (customer_id, currency) DO UPDATE "
        "SET settled = old.settled + excluded.settled, overdraft = old.overdraft + excluded.overdraft",
        [(*purse, *sums) for purse, sums in moved.items()],
    )
    if debts := _debts(journal):
        _upsert(
            "INSERT INTO credits_creditdebt AS old (customer_id, currency, feature_key, amount) "
            "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[]) "
            "ON CONFLICT (customer_id, currency, feature_key) DO UPDATE SET amount = old.amount + excluded.amount",
            [(*debt, amount) for debt, amount in debts.items()],
        )


def _debts(journal: Iterable[Posting]) -> dict[tuple[int, str, str], int]:
    """How the overdraft of each feature moves."""
    moved: dict[tuple[int, str, str], int] = {}
    for posting in journal:
        for entry in posting.entries:
            if entry.account == OVERDRAFT and entry.charge is not None:
                debt = posting.customer_id, posting.currency, entry.charge.feature_key
                moved[debt] = moved.get(debt, 0) - entry.amount
    return moved


def _upsert(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_array(list(column)) for column in zip(*rows, strict=True)])
