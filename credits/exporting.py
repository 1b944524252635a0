"""The ledger as a table: one row per entry, with its transaction's columns repeated (docs/algorithms/ledger.md)."""

from collections.abc import Iterator

from credits import chain, selectors

LEDGER_COLUMNS = (
    *("customer", "sequence", "operation", "kind", "booked_at", "created_at", "currency", "amount", "grant", "charge"),
    *("feature", "corrects", "description", "previous_hash", "hash"),
    *("account", "entry_currency", "entry_amount", "entry_grant", "entry_charge"),
)


def ledger_rows(customer_id: int) -> Iterator[tuple[str | int, ...]]:
    """In the order of the chain, streamed. Texts as they are hashed, so that the file alone verifies."""
    for one in selectors.chain_rows(customer_id):
        facts = (
            one.customer, one.sequence, one.operation, one.kind, chain.instant(one.booked_at),
            chain.instant(one.created_at), one.currency, one.amount, one.grant or "", one.charge or "", one.feature,
            one.corrects or "", one.description, one.previous_hash, one.hash,
        )  # fmt: skip
        for entry in one.entries:
            yield (*facts, entry.account, entry.currency, entry.amount, entry.grant or "", entry.charge or "")
