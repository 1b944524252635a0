"""The port every card processor is reached through. Nothing here is ever called inside a transaction.

A payment is made in steps that can each be repeated: `create_intent` (idempotent by key), then the caller commits
the intent's id, then `confirm_intent`. An outcome that nobody heard is *retrieved*, never tried again.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from accounts.exceptions import AccountsError

Status = Literal["succeeded", "declined", "needs_confirmation", "unconfirmed", "canceled"]


class GatewayError(AccountsError):
    """The processor did not answer as it should."""

    status = 503
    message = "The card processor can't be reached right now. Try again in a few minutes."


class GatewayUnavailableError(GatewayError):
    """The request did not get through: nothing happened there."""


class GatewayTimeoutError(GatewayError):
    """The answer was lost: whether something happened there is unknown until it is retrieved."""

    message = "The card processor hasn't answered yet. We ask again until we know; nothing is charged twice."


class GatewayConflictError(GatewayError):
    """The same idempotency key came with another amount, currency or card, or the intent is unknown: our mistake."""

    status = 500
    message = "The payment couldn't be made. Nothing was charged."


@dataclass(frozen=True, slots=True)
class SetupStart:
    """A visit to the processor's card page: its id there, and the address to send the person to."""

    gateway_id: str
    url: str


@dataclass(frozen=True, slots=True)
class CardDetails:
    """A card as the processor keeps it: a token and what people need to recognise it."""

    token: str
    fingerprint: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an intent. `decline_code` is the processor's word; `decline_message` puts it plainly."""

    status: Status
    decline_code: str = ""


class Gateway(Protocol):
    """A card processor. Amounts are minor units. Every method may raise Gateway{Unavailable,Timeout}Error."""

    def start_setup(self, *, customer_key: str, return_url: str, cancel_url: str) -> SetupStart:
        """Open a card page; the person comes back to `return_url`, or to `cancel_url` without a card."""
        ...

    def retrieve_setup(self, gateway_id: str) -> CardDetails | None:
        """The card entered on a card page, None while there is none."""
        ...

    def create_intent(self, *, key: str, amount: int, currency: str, token: str) -> str:
        """Announce a charge without making it; the intent's id, the same one for the same `key`."""
        ...

    def confirm_intent(self, intent_id: str) -> Outcome:
        """Make the charge. An intent is charged at most once, however often it is confirmed."""
        ...

    def retrieve_intent(self, intent_id: str) -> Outcome:
        """What became of the charge, as far as the processor knows."""
        ...

    def find_intent(self, key: str) -> str | None:
        """The intent made under an idempotency key, None where none was made."""
        ...

    def cancel_intent(self, intent_id: str) -> Outcome:
        """Give up an intent that was not charged; one that was keeps its outcome."""
        ...

    def refund(self, *, key: str, intent_id: str, amount: int) -> Outcome:
        """Give back part of a charge, at most once per `key`; declined where not so much of it is left."""
        ...

    def find_refund(self, key: str) -> Outcome | None:
        """What became of the refund under an idempotency key, None where none was made."""
        ...
