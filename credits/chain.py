"""PURE: the hash chain over a customer's ledger (docs/algorithms/ledger.md). Standard library only.

The hash of a transaction covers its facts, its entries and the hash before it, so nothing that was booked can be
changed, left out or put in between without every later hash becoming another. tools/verify_ledger.py does the same
from the CSV export alone.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

GENESIS = "0" * 64
CUSTOMER_ACCOUNTS = ("customer_credit", "overdraft")


class Entry(NamedTuple):
    """One side of a transaction, in minor units; `grant` is a public id, `charge` a key."""

    account: str
    currency: str
    amount: int
    grant: str | None = None
    charge: str | None = None


class Transaction(NamedTuple):
    """What the ledger says about one operation; `corrects` is the operation that it takes back."""

    customer: str
    sequence: int
    operation: str
    kind: str
    currency: str
    amount: int
    grant: str | None
    charge: str | None
    feature: str
    corrects: str | None
    description: str
    booked_at: datetime
    created_at: datetime
    entries: tuple[Entry, ...]
    previous_hash: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a transaction of the chain, in words."""

    sequence: int
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where the chain ends, and everything that is wrong with it."""

    sequence: int
    hash: str
    faults: tuple[Fault, ...]

    @property
    def is_intact(self) -> bool:
        return not self.faults


def instant(at: datetime) -> str:
    """An instant as it is hashed and exported: UTC with six decimals, `2026-03-01T10:00:00.000000Z`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical_text(transaction: Transaction) -> str:
    """The text that is hashed: JSON with sorted keys, no spaces, characters as they are, `entries` in order."""
    facts = transaction._asdict()
    del facts["hash"]
    facts["booked_at"] = instant(transaction.booked_at)
    facts["created_at"] = instant(transaction.created_at)
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(transaction: Transaction) -> str:
    """SHA-256 of the canonical text in UTF-8, hexadecimal."""
    return sha256(canonical_text(transaction).encode()).hexdigest()


def sealed(transaction: Transaction) -> Transaction:
    """The transaction with its hash."""
    return transaction._replace(hash=hash_of(transaction))


def verify(transactions: Iterable[Transaction], *, head: tuple[int, str] | None = None) -> Verdict:
    """Check one customer's whole chain, given from sequence 1 on; `head` is where it must end (sequence, hash)."""
    faults: list[Fault] = []
    sequence, previous = 0, GENESIS
    for transaction in transactions:
        sequence += 1
        faults += (Fault(transaction.sequence, problem) for problem in _problems(transaction, sequence, previous))
        sequence, previous = transaction.sequence, transaction.hash
    if head is not None and head != (sequence, previous):
        faults.append(Fault(sequence, f"the chain ends at #{sequence} {previous}, not at #{head[0]} {head[1]}"))
    return Verdict(sequence, previous, tuple(faults))


def _problems(transaction: Transaction, sequence: int, previous: str) -> Iterator[str]:
    if transaction.sequence != sequence:
        yield f"#{sequence} was expected"
    if transaction.previous_hash != previous:
        yield "it does not continue the transaction before it"
    if transaction.hash != hash_of(transaction):
        yield "its hash is not that of its content"
    if any(entry.currency != transaction.currency for entry in transaction.entries):
        yield "an entry is in another currency"
    if total := sum(entry.amount for entry in transaction.entries):
        yield f"its entries sum to {total} instead of 0"
    moved = sum(entry.amount for entry in transaction.entries if entry.account in CUSTOMER_ACCOUNTS)
    if moved != transaction.amount:
        yield f"its amount is {transaction.amount}, its entries move {moved}"
