"""A customer's ledger in the order booked, for those who verify it."""

from collections.abc import Iterable, Iterator, Mapping

from credits.chain import GENESIS, Entry, Transaction
from credits.models import ChainHead, LedgerEntry, LedgerTransaction

BATCH = 1_000
FACTS = (
    "customer__key", "sequence", "key", "kind", "currency", "amount", "grant__public_id", "charge__key", "feature_key",
    "corrects__key", "description", "booked_at", "created_at",
)  # fmt: skip
ENTRY = ("transaction_id", "account__kind", "account__currency", "amount", "grant__public_id", "charge__key")


def chain_rows(customer_id: int) -> Iterator[Transaction]:
    """All transactions from the first on, with their entries and hashes as stored; read in batches."""
    rows = LedgerTransaction.objects.filter(customer_id=customer_id).order_by("sequence")
    last = -1
    while batch := list(rows.filter(sequence__gt=last).values_list("pk", "previous_hash", "hash", *FACTS)[:BATCH]):
        entries: dict[int, list[Entry]] = {row[0]: [] for row in batch}
        found = LedgerEntry.objects.filter(transaction_id__in=entries).order_by("transaction_id", "position")
        for transaction_id, *values in found.values_list(*ENTRY):
            entries[transaction_id].append(Entry(*values))
        for pk, previous, digest, *facts in batch:
            yield Transaction._make((*facts, tuple(entries[pk]), previous, digest))
            last = facts[1]


def head(customer_id: int) -> tuple[int, str]:
    """(sequence, hash) of the newest transaction; (0, 64 zeros) where there is none."""
    return heads([customer_id]).get(customer_id, (0, GENESIS))


def heads(customer_ids: Iterable[int]) -> Mapping[int, tuple[int, str]]:
    """(sequence, hash) of the newest transaction per customer; absent where there is none. One query."""
    rows = ChainHead.objects.filter(customer_id__in=list(customer_ids), sequence__gt=0)
    return {pk: (sequence, digest) for pk, sequence, digest in rows.values_list("customer_id", "sequence", "hash")}


def customers_with_ledger() -> list[int]:
    """Everybody who has a chain."""
    return list(ChainHead.objects.filter(sequence__gt=0).order_by("pk").values_list("pk", flat=True))


def newest_movement_of(grant_id: int) -> int | None:
    """The sequence of the newest movement about a grant; None where nothing of it is booked."""
    rows = LedgerTransaction.objects.filter(grant_id=grant_id, charge__isnull=True)
    return rows.order_by("-sequence").values_list("sequence", flat=True).first()


def hash_at(customer_id: int, sequence: int) -> str | None:
    """The stored hash of one transaction; None where there is none of that number."""
    rows = LedgerTransaction.objects.filter(customer_id=customer_id, sequence=sequence)
    return rows.values_list("hash", flat=True).first()
