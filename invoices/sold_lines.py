"""PURE: credit that is sold, as the line of its invoice. Amounts in minor units."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from core import formats
from core.language import in_english
from core.money import quantize, round_half_away, to_major
from core.periods import Period, midnight, utc_day
from credits.grants import GrantDraft
from invoices.lines import LineDraft

SALE = "sale:"  # begins the key of a sale: of its grant, its invoice and its line
SOLD = "sold_credits"  # the price model of such a line, in its explain data


def sale_key(customer_id: int, *parts: object) -> str:
    """`sale:7:staff:grp_…`: the same for grant, invoice and line."""
    return SALE + ":".join(map(str, (customer_id, *parts)))


def price_of(amount: int, unit_cost: Decimal | int, currency: str) -> int:
    """What this much credit costs, before tax."""
    return quantize(Fraction(to_major(amount, currency)) * Fraction(unit_cost), currency)


@in_english
def sale_line(grant: GrantDraft, at: datetime) -> LineDraft:
    """The line that sells a grant, on the day of its sale."""
    day = sale_period(utc_day(at))
    return LineDraft(
        key=grant.key,
        kind="credits",
        title=grant.name,
        detail=f"{formats.money(grant.amount, grant.currency)} of credits, available once this invoice is paid",
        starts_at=midnight(day.start),
        ends_at=midnight(day.end),
        quantity=to_major(grant.amount, grant.currency),
        unit_amount=Decimal(grant.unit_cost),
        amount=price_of(grant.amount, grant.unit_cost, grant.currency),
        explain={
            "model": SOLD,
            "currency": grant.currency,
            "credit": grant.amount,
            "unit_cost": str(grant.unit_cost),
            "sold_on": day.start.isoformat(),
        },
    )


def sale_period(on: date) -> Period:
    """The day of a sale, as its document's period."""
    return Period(on, on + timedelta(days=1))


def credit_given_back(amount: int, price: int, given_back: int) -> int:
    """How much of a grant is taken back in all, once `given_back` of its price is: in proportion.

    Rounded on the sum, so that parts add up to the whole.
    """
    return round_half_away(Fraction(amount * given_back, price)) if price else 0
