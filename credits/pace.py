"""How fast a customer's credit is used up, and how long it will last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from django.db.models import Exists, Min, OuterRef, Q, Subquery, Sum
from django.utils.translation import gettext, ngettext

from credits.models import CreditBalance, CreditGrant, LedgerTransaction

WEEK = timedelta(days=7)
ENOUGH = timedelta(days=3)  # with less history than that, a rate says nothing
USED = ("consumed", "correction")


@dataclass(frozen=True, slots=True)
class Pace:
    """What was used in the last 7 days, less what was given back, and over which time. Minor units.

    `newest_grant`: what was granted last, 0 where nothing was. `is_direct`: whether some of it was charged to credit
    alone, hour by hour; documents take what they need once a month, which is no rate.
    """

    used: int
    over: timedelta
    newest_grant: int
    is_direct: bool = False

    def runway(self, available: int) -> int | None:
        """Full days that the available credit lasts at this rate; None where it is not used, or data is thin."""
        if self.over < ENOUGH or self.used <= 0 or available <= 0:
            return None
        days = Fraction(available, self.used) * Fraction(self.over / timedelta(seconds=1)) / 86_400
        return int(days)


def pace(customer_id: int, currency: str, at: datetime) -> Pace:
    """The rate of the last 7 days before `at`. One query."""
    week = Q(booked_at__gt=at - WEEK, booked_at__lte=at, kind__in=USED)
    moved = LedgerTransaction.objects.filter(customer=OuterRef("customer"), currency=OuterRef("currency")).filter(week)
    granted = CreditGrant.objects.filter(customer=OuterRef("customer"), currency=OuterRef("currency"))
    rows = CreditBalance.objects.filter(customer_id=customer_id, currency=currency).annotate(
        direct=Exists(moved.filter(charge__isnull=False).exclude(charge__details={})),
        moved=Subquery(moved.order_by().values("customer").annotate(sum=Sum("amount")).values("sum")),
        since=Subquery(moved.order_by().values("customer").annotate(first=Min("booked_at")).values("first")),
        granted=Subquery(granted.order_by("-created_at", "-pk").values("amount")[:1]),
    )
    row = rows.values_list("moved", "since", "granted", "direct").first()
    if row is None or row[1] is None:
        return Pace(0, timedelta(0), row[2] or 0 if row else 0)
    return Pace(-row[0], at - row[1], row[2] or 0, is_direct=row[3])


def runway_in_words(days: int | None) -> str:
    """`≈ 3 days left at this rate`; empty where it cannot be told."""
    if days is None:
        return ""
    if not days:
        return gettext("Less than a day left at this rate")
    text = ngettext("≈ %(count)d day left at this rate", "≈ %(count)d days left at this rate", days)
    return text % {"count": days}
