"""What «Billing and Usage» says about credit: how much there is, how long it lasts, and what happens at zero."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from accounts.models import Customer
from accounts.sales import sales_contact
from core import formats
from credits.pace import pace, runway_in_words
from credits.selectors import Balance, balances

LOW_SHARE = 5  # a fifth of the newest grant
LOW_DAYS = 7


@dataclass(frozen=True, slots=True)
class CreditState:
    """A customer's credit. `own` is that in the plan's currency; balances of currencies are never summed.

    `runway`: full days it lasts at the rate of the last 7; None where that cannot be told. `was_granted`: whether any
    ever was in that currency. `ask_url`: where more is asked for.
    """

    balances: tuple[Balance, ...]
    own: Balance
    runway: int | None
    is_low: bool
    blocks: bool
    ask_url: str
    was_granted: bool = True

    @property
    def others(self) -> tuple[Balance, ...]:
        """What there is of other currencies, which pays nothing of this plan."""
        return tuple(each for each in self.balances if each.currency != self.own.currency)

    @property
    def is_negative(self) -> bool:
        return self.own.available < 0

    @property
    def runway_text(self) -> str:
        """`≈ 3 days left at this rate`; empty where it cannot be told."""
        return runway_in_words(self.runway)

    @property
    def shortfall(self) -> int:
        """What is owed of a negative balance, above zero."""
        return max(-self.own.available, 0)


def read_credits(
    customer: Customer, *, currency: str, credits_only: bool, blocks: bool, at: datetime
) -> CreditState | None:
    """None for a customer who never had credit, on a plan that does not need any."""
    found, ask_url = tuple(balances(customer.pk, at)), f"mailto:{sales_contact(customer).email}"
    if not found and not credits_only:
        return None
    own = next((each for each in found if each.currency == currency), Balance(currency))
    if not credits_only:  # what is left of it pays first, and how long it lasts matters to nobody
        return CreditState(balances=found, own=own, runway=None, is_low=False, blocks=blocks, ask_url=ask_url)
    rate = pace(customer.pk, currency, at)
    runway = rate.runway(own.available)
    few = own.available * LOW_SHARE <= rate.newest_grant or (runway is not None and runway <= LOW_DAYS)
    return CreditState(
        balances=found,
        own=own,
        runway=runway,
        is_low=own.available >= 0 and few,
        blocks=blocks,
        ask_url=ask_url,
        was_granted=bool(rate.newest_grant),
    )


def credit_warnings(state: CreditState | None, *, credits_only: bool) -> list[dict[str, Any]]:
    """Said on a credits-only plan: credit is low, used up or overdrawn."""
    if state is None or not credits_only:
        return []
    ask = {"writes": True, "url": state.ask_url, "label": gettext("Ask for credits")}
    amount = formats.money(state.own.available, state.own.currency)
    if state.is_negative:
        return [{**ask, "level": "danger", "text": _negative(state) % {"amount": amount}}]
    if state.is_low:
        return [{**ask, "level": "warning", "text": _low(state, amount)}]
    return []


def _negative(state: CreditState) -> str:
    if state.blocks:
        return gettext(
            "Your credit balance is %(amount)s. New requests are refused; the next grant first covers this amount."
        )
    return gettext("Your credit balance is %(amount)s. Usage continues; the next grant first covers this amount.")


def _low(state: CreditState, amount: str) -> str:
    if not state.was_granted and state.blocks:
        return gettext("You have no credits yet. New requests are refused.")
    if not state.was_granted:
        return gettext("You have no credits yet. Usage continues, and the balance goes negative.")
    if not state.own.available and state.blocks:
        return gettext("Your credits are used up. New requests are refused.")
    if not state.own.available:
        return gettext("Your credits are used up. Usage continues, and the balance goes negative.")
    if not state.runway_text:
        return gettext("Your credits are running low: %(amount)s left.") % {"amount": amount}
    values = {"amount": amount, "lasts": state.runway_text}
    return gettext("Your credits are running low: %(amount)s left. %(lasts)s.") % values
