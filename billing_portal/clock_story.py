"""The story of a customer with a test clock, out of what every room tells: what happened when, and what comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

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


def happened(customer_id: int, since: datetime) -> list[Chapter]:
    """The newest first; within an instant in the order of cause and effect."""
    found = [
        *plans.happened(customer_id, since, LIMIT),
        *credits.happened(customer_id, since, LIMIT),
        *invoices.happened(customer_id, since, LIMIT),
        *told(customer_id, since, LIMIT),
    ]
    found.sort(key=_order)
    chapters = [(at, tuple(events)) for at, events in groupby(found, key=lambda event: event.at)]
    newest = reversed(chapters[-SHOWN:])
    return [Chapter(at, events, number == 0) for number, (at, events) in enumerate(newest)]


def _order(event: Event) -> tuple[datetime, int]:
    kind = event.about.partition(":")[0]
    return event.at, ORDER.index(kind) if kind in ORDER else 0


def coming(customer: Customer, at: datetime) -> list[Coming]:
    """What is due after `at`, the next first."""
    found = [
        *plans.coming(customer.pk, at),
        *credits.coming(customer.pk, at),
        *invoices.coming(customer.pk),
    ]
    return sorted(each for each in found if each.at > at)


def next_stop(events: Sequence[Coming], at: datetime) -> datetime:
    """Where a clock that moves on stands still next: at what is due, and at each midnight between – balances, cards and
    expiries ahead are looked at day by day."""
    tomorrow = midnight(utc_day(at) + DAY)
    return min(events[0].at, tomorrow) if events else tomorrow
