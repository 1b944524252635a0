"""How the credits pages put movements, balances and grants into words. No queries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.utils.translation import gettext, gettext_noop

from core import formats
from core.money import to_major
from core.wording import title_of
from credits.models import Funding, TransactionKind
from credits.pace import Pace, runway_in_words
from credits.words import grant_name

if TYPE_CHECKING:
    from accounts.models import AuditEntry
    from credits.models import CreditGrant
    from credits.selectors import Balance, GrantRow, Movement

SOON = timedelta(days=14)
NO_PACES: Mapping[str, Pace] = MappingProxyType({})
NO_ENTRIES: Mapping[int, "AuditEntry"] = MappingProxyType({})
OVER = ("used up", "expired", "voided")
STATUSES = {
    "active": gettext_noop("Active"),
    "pending": gettext_noop("Pending"),
    "used up": gettext_noop("Used up"),
    "expired": gettext_noop("Expired"),
    "voided": gettext_noop("Voided"),
}
LEVELS = {"active": "success", "pending": "info", "used up": "neutral", "expired": "warning", "voided": "neutral"}


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of «Transaction History»: a movement, or all movements by which one charge drew on several grants."""

    movements: tuple["Movement", ...]  # newest first
    entry: "AuditEntry | None" = None  # who did it and why, where staff look and somebody did

    @property
    def newest(self) -> "Movement":
        return self.movements[0]

    @property
    def kind(self) -> str:
        return self.newest.kind

    @property
    def kind_label(self) -> str:
        return str(TransactionKind(self.newest.kind).label)

    @property
    def amount(self) -> int:
        return sum(movement.amount for movement in self.movements)

    @property
    def before(self) -> int:
        return self.movements[-1].before

    @property
    def after(self) -> int:
        return self.newest.after

    @property
    def parts(self) -> tuple["Movement", ...]:
        """In the order drawn, where there are several."""
        return self.movements[::-1] if len(self.movements) > 1 else ()

    @property
    def description(self) -> str:
        """What was charged is worded like a line; else it names the grant. What is kept is English."""
        kept = self.newest.description
        return title_of(kept) if self.newest.charge_key else grant_name(kept)

    @property
    def grant(self) -> str:
        """Which one, where the description does not say so already."""
        one = self.newest.grant_name
        return grant_name(one) if one != self.newest.description else ""

    @property
    def drawn(self) -> tuple[tuple[str, "Movement"], ...]:
        """The same as `parts`, each with the name of what paid it."""
        return tuple((grant_name(part.grant_name) or gettext("Overdraft"), part) for part in self.parts)

    @property
    def grants(self) -> int:
        return sum(1 for movement in self.movements if movement.grant_id)


def history_rows(movements: Iterable["Movement"], entries: Mapping[int, "AuditEntry"] = NO_ENTRIES) -> list[HistoryRow]:
    """Neighbouring movements of one charge and kind become one row; nothing else is touched. `entries` by movement."""
    groups = [tuple(group) for _key, group in groupby(movements, key=_belongs_to)]
    return [HistoryRow(group, entries.get(group[0].id)) for group in groups]


def _belongs_to(movement: "Movement") -> tuple[object, ...]:
    is_draw = movement.kind == TransactionKind.CONSUMED and movement.charge_key
    return (movement.charge_key, movement.booked_at) if is_draw else (movement.id,)


@dataclass(frozen=True, slots=True)
class BalanceCard:
    """One currency's balance as an equation, and the sentences that go with it. `lasts`: how long it does, in words;
    empty where that cannot be told."""

    balance: "Balance"
    expires_soon: bool
    lasts: str = ""

    @property
    def sentence(self) -> str:
        """What a balance below zero means; empty where it is not."""
        if self.balance.available >= 0:
            return ""
        amount = formats.money(self.balance.available, self.balance.currency)
        sentence = gettext("Your credit balance is %(amount)s. The next grant first covers this amount.")
        return sentence % {"amount": amount}


def balance_cards(
    balances: Sequence["Balance"], at: datetime, paces: Mapping[str, Pace] = NO_PACES
) -> list[BalanceCard]:
    """`paces`: how fast each currency is used, by its code."""
    return [
        BalanceCard(
            balance,
            bool(balance.next_expiry and balance.next_expiry.at <= at + SOON),
            _lasts(balance, paces.get(balance.currency)),
        )
        for balance in balances
    ]


def _lasts(balance: "Balance", rate: Pace | None) -> str:
    return runway_in_words(rate.runway(balance.available)) if rate and rate.is_direct else ""


@dataclass(frozen=True, slots=True)
class GrantCard:
    """One row of the grants' table; `features` are names."""

    row: "GrantRow"
    features: tuple[str, ...]

    @property
    def grant(self) -> "CreditGrant":
        return self.row.grant

    @property
    def name(self) -> str:
        return grant_name(self.grant.name)

    @property
    def status(self) -> str:
        return gettext(STATUSES[self.row.status])

    @property
    def level(self) -> str:
        """The badge's colour."""
        return LEVELS[self.row.status]

    @property
    def left(self) -> int:
        return self.row.available + self.row.pending

    @property
    def spent(self) -> int:
        """Used, and what paid back overdraft."""
        return self.grant.used + self.grant.repaid

    @property
    def type(self) -> str:
        return str(Funding(self.grant.funding).label)

    @property
    def is_over(self) -> bool:
        return self.row.status in OVER

    @property
    def can_be_voided(self) -> bool:
        return self.row.status == "active"

    @property
    def awaits_payment(self) -> bool:
        return self.grant.paid_at is None and self.row.status == "pending"


def grant_cards(rows: Iterable["GrantRow"], names: Mapping[str, str]) -> dict[str, list[GrantCard]]:
    """`grants` that can still pay, or will, in the order they are drawn; `ended`: those that are over."""
    cards = [GrantCard(row, tuple(names.get(key, key) for key in row.grant.features)) for row in rows]
    return {
        "grants": [card for card in cards if not card.is_over],
        "ended": [card for card in cards if card.is_over],
    }


GRANT_COLUMNS = (
    *("grant", "name", "type", "granted", "used", "left", "currency"),
    *("priority", "effective_at", "expires_at", "status", "features"),
)
CSV_COLUMNS = (
    *("sequence", "booked_at", "type", "description", "charge", "grant", "feature", "currency"),
    *("amount", "balance_before", "balance_after", "created_at"),
)


def csv_rows(movements: Iterable["Movement"]) -> Iterator[tuple[str | int | Decimal | datetime | None, ...]]:
    """One row per movement, amounts in major units as plain decimals."""
    for one in movements:
        yield (
            one.sequence, one.booked_at, one.kind, one.description, one.charge_key, one.grant_public_id,
            one.feature_key, one.currency, to_major(one.amount, one.currency),
            to_major(one.before, one.currency), to_major(one.after, one.currency), one.created_at,
        )  # fmt: skip


def grant_csv_rows(rows: Iterable["GrantRow"]) -> Iterator[tuple[str | int | Decimal | datetime | None, ...]]:
    """One row per grant, figures as on the page, in major units; `grant` is what movements name it by."""
    for row in rows:
        grant, card = row.grant, GrantCard(row, ())
        granted, used, left = (to_major(each, grant.currency) for each in (grant.amount, card.spent, card.left))
        yield (
            grant.public_id, grant.name, grant.funding, granted, used, left, grant.currency,
            grant.priority, grant.effective_at, grant.expires_at, row.status, ", ".join(grant.features),
        )  # fmt: skip
