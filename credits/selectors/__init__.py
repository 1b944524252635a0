"""What credits answers to those above it. Amounts are minor units; every reading takes its instant."""

from credits.selectors.balances import (
    Balance,
    NextExpiry,
    balance,
    balances,
    balances_of,
    currencies,
    had_credit,
    has_credits,
    settled_at,
)
from credits.selectors.chains import chain_rows, customers_with_ledger, hash_at, head, heads, newest_movement_of
from credits.selectors.charges import (
    Opened,
    allocations_of,
    open_charges_of,
    open_purses,
    preview_draw_down,
    preview_draw_downs,
)
from credits.selectors.due import due_open_charges, due_to_book
from credits.selectors.grants import GrantRow, PurchasedGrant, grants, purchased_grants
from credits.selectors.history import Movement, MovementPage, entries_of, movements

__all__ = [
    "Balance",
    "GrantRow",
    "Movement",
    "MovementPage",
    "NextExpiry",
    "Opened",
    "PurchasedGrant",
    "allocations_of",
    "balance",
    "balances",
    "balances_of",
    "chain_rows",
    "currencies",
    "customers_with_ledger",
    "due_open_charges",
    "due_to_book",
    "entries_of",
    "grants",
    "had_credit",
    "has_credits",
    "hash_at",
    "head",
    "heads",
    "movements",
    "newest_movement_of",
    "open_charges_of",
    "open_purses",
    "preview_draw_down",
    "preview_draw_downs",
    "purchased_grants",
    "settled_at",
]
