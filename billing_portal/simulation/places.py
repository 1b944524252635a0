"""What the simulated year and the chaos run have in common: where customers live, their currencies, how they use."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from billing_portal.simulation.market import METERS
from billing_portal.simulation.plain_ledger import Used
from billing_portal.simulation.plain_prices import Tax
from invoices.models import Seller, TaxRate

START = datetime(2027, 9, 1, tzinfo=UTC)
CURRENCIES = ("USD", "EUR", "JPY", "KWD")

# country, VAT id and what that comes to with a seller in France
PLACES = (
    ("FR", "", Tax(("20",))),
    ("US", "", Tax()),
    ("DE", "DE136695976", Tax()),  # reverse charge
    ("CH", "", Tax(("8.1",), inclusive=True)),
    ("CA", "", Tax(("5", "9.975"))),
)


def add_tax_rates(seller: Seller) -> None:
    """Of the places that a seller has no rates for."""
    TaxRate.objects.bulk_create(
        [
            TaxRate(seller=seller, country="CH", label="MWST", percent=Decimal("8.1"), inclusive=True),
            TaxRate(seller=seller, country="CA", label="GST", percent=Decimal(5)),
            TaxRate(seller=seller, country="CA", label="QST", percent=Decimal("9.975")),
        ]
    )


def use(random: Random, ids: Iterator[int], time: datetime) -> list[tuple[datetime, Used]]:
    """One event with when it arrives: mostly on time, sometimes weeks late; sometimes corrected later."""
    number = next(ids)
    feature = random.choice(list(METERS))
    time += timedelta(microseconds=random.choice([0, 1, 999_999]))
    if random.random() < 0.2:
        time = time.replace(hour=0, minute=0, second=0)
    value = Decimal(1) if feature == "requests" else Decimal(random.randrange(1, 400_000)) / 1_000
    late = random.choice([timedelta(0)] * 4 + [timedelta(hours=30), timedelta(days=random.randrange(60))])
    used = Used(f"e{number}", feature, time, value)
    found = [(time + late, used)]
    if random.random() < 0.12:
        part = Decimal(1) if feature == "requests" else random.choice([Decimal(1), Decimal("0.25")])
        back = Used(f"c{number}", feature, time, -value * part, corrects=used.id)
        found.append((time + late + timedelta(days=random.randrange(1, 50)), back))
    return found


def event_of(used: Used, subject: str) -> dict[str, Any]:
    """As a CloudEvent."""
    event: dict[str, Any] = {"specversion": "1.0", "id": used.id, "source": "year", "type": used.feature}
    event |= {"subject": subject, "time": used.time.isoformat(), "data": {"value": used.value}}
    return event | ({"corrects": used.corrects} if used.corrects else {})
