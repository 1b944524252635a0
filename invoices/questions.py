"""Questions about charges: what one is about, and reading them."""

from datetime import datetime
from typing import NamedTuple

from invoices.models import ChargeQuestion


class AskedAbout(NamedTuple):
    """A charge as it stands when it is asked about: its line may be stored, charged to credit, or still upcoming.

    `title` is the English that is kept; `amount` is in minor units of `currency`, before tax.
    """

    line_key: str
    title: str
    starts_at: datetime
    ends_at: datetime
    amount: int
    currency: str


def open_questions(limit: int) -> list[ChargeQuestion]:
    """Those that nobody has answered, the oldest first. One query."""
    return list(ChargeQuestion.objects.open().select_related("customer").order_by("pk")[:limit])


def question_named(public_id: str) -> ChargeQuestion | None:
    """With the person who asked; None where there is none."""
    return ChargeQuestion.objects.select_related("asked_by").filter(public_id=public_id).first()
