"""What «Billing and Usage» says about credit: how much there is, how long it lasts, and what happens at zero."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from core import formats
from credits.pace import pace
from credits.selectors import Balance, balances

LOW_SHARE = 5  # a fifth of the newest grant
LOW_DAYS = 7


@dataclass(frozen=True, slots=True)
class CreditState:
    """A customer's credit. `own` is that in the plan's currency; balances of currencies are never summed.

    `runway`: full days it lasts at the rate of the last 7; None where that cannot be told.
    """

    balances: tuple[Balance, ...]
    own: Balance
    runway: int | None
    is_low: bool
    blocks: bool

    @property
    def is_negative(self) -> bool:
        return self.own.available < 0

    @property
    def runway_text(self) -> str:
        """`≈ 3 days left at this rate`; empty where it cannot be told."""
        if self.runway is None:
            return ""
        if not self.runway:
            return "Less than a day left at this rate"
        return f"≈ {self.runway} day{'s' if self.runway > 1 else ''} left at this rate"

    @property
    def shortfall(self) -> int:
        """What is owed of a negative balance, above zero."""
        return max(-self.own.available, 0)

    @property
    def ask_url(self) -> str:
        """Where more credit is asked for."""
        return f"mailto:{settings.SALES_EMAIL}"


def read_credits(
    customer_id: int, *, currency: str, credits_only: bool, blocks: bool, at: datetime
) -> CreditState | None:
    """None for a customer who never had credit, on a plan that does not need any."""
    found = tuple(balances(customer_id, at))
    if not found and not credits_only:
        return None
    own = next((each for each in found if each.currency == currency), Balance(currency))
    rate = pace(customer_id, currency, at)
    runway = rate.runway(own.available)
    few = own.available * LOW_SHARE <= rate.newest_grant or (runway is not None and runway <= LOW_DAYS)
    return CreditState(
        balances=found,
        own=own,
        runway=runway,
        is_low=own.available >= 0 and few,
        blocks=blocks,
    )


def credit_warnings(state: CreditState | None, *, credits_only: bool) -> list[dict[str, Any]]:
    """Said on a credits-only plan: credit is low, used up or overdrawn."""
    if state is None or not credits_only:
        return []
    ask = {"url": state.ask_url, "label": "Ask for credits"}
    amount = formats.money(state.own.available, state.own.currency)
    if state.is_negative:
        goes_on = "New requests are refused" if state.blocks else "Usage continues"
        text = f"Your credit balance is {amount}. {goes_on}; the next grant first covers this amount."
        return [{**ask, "level": "danger", "text": text}]
    if state.is_low:
        return [{**ask, "level": "warning", "text": _low(state, amount)}]
    return []


def _low(state: CreditState, amount: str) -> str:
    if not state.own.available:
        then = "New requests are refused." if state.blocks else "Usage continues, and the balance goes negative."
        return f"Your credits are used up. {then}"
    lasts = f" {state.runway_text}." if state.runway_text else ""
    return f"Your credits are running low: {amount} left.{lasts}"
