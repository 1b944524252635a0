"""The story of a customer with a test clock, out of what every room tells: what happened when, and what comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from accounts.models import Customer
from accounts.story import told
from core.periods import midnight, utc_day
from core.story import Coming, Event
from credits import story as credits
from invoices import story as invoices
from plans import story as plans

LIMIT = 60  # of a kind: what is older is on the pages of invoices, credits and messages
SHOWN = 20  # instants
DAY = timedelta(days=1)
# Of one instant in the order in which the run does it: what is a cause comes before what it leads to.
ORDER = ("plan", "credits", "invoice", "notice")


@dataclass(frozen=True, slots=True)
class Chapter:
    """Everything that happened at one instant. `is_newest`: the last thing that happened."""

    at: datetime
    events: tuple[Event, ...]
    is_newest: bool


class Story(NamedTuple):
    """What happened, the newest first, and what comes, the next first."""

    chapters: list[Chapter]
    coming: list[Coming]


def tell(customer: Customer, since: datetime, at: datetime) -> Story:
    """Since an instant, as of `at`; within an instant in the order of cause and effect."""
    documents = invoices.tell(customer.pk, since, LIMIT)
    credit = credits.tell(customer.pk, since, at, LIMIT)
    spells = plans.tell(customer.pk, since, at, owes=documents.owes)
    messages = told(customer.pk, since, LIMIT)
    found = sorted([*spells.happened, *credit.happened, *documents.happened, *messages], key=_order)
    chapters = [(then, tuple(events)) for then, events in groupby(found, key=lambda event: event.at)]
    newest = reversed(chapters[-SHOWN:])
    return Story(
        [Chapter(then, events, number == 0) for number, (then, events) in enumerate(newest)],
        _after(at, [*spells.coming, *credit.coming, *documents.coming]),
    )


def _order(event: Event) -> tuple[datetime, int]:
    kind = event.about.partition(":")[0]
    return event.at, ORDER.index(kind) if kind in ORDER else 0


def coming(customer: Customer, at: datetime) -> list[Coming]:
    """What is due after `at`, the next first."""
    documents = invoices.coming(customer.pk)
    spells = plans.coming(customer.pk, at, owes=documents.owes)
    return _after(at, [*spells, *credits.coming(customer.pk, at), *documents.coming])


def _after(at: datetime, found: list[Coming]) -> list[Coming]:
    return sorted(each for each in found if each.at > at)


def next_stop(events: Sequence[Coming], at: datetime) -> datetime:
    """Where a clock that moves on stands still next: at what is due, and at each midnight between – balances, cards and
    expiries ahead are looked at day by day."""
    tomorrow = midnight(utc_day(at) + DAY)
    return min(events[0].at, tomorrow) if events else tomorrow
