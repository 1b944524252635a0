"""The port every card processor is reached through. Nothing here is ever called inside a transaction.

A payment is made in steps that can each be repeated: `create_intent` (idempotent by key), then the caller commits
the intent's id, then `confirm_intent`. An outcome that nobody heard is *retrieved*, never tried again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from django.utils.translation import gettext_noop

from accounts.exceptions import AccountsError

Status = Literal["succeeded", "declined", "needs_confirmation", "unconfirmed", "canceled"]


class GatewayError(AccountsError):
    """The processor did not answer as it should."""

    status = 503
    message = gettext_noop("The card processor can't be reached right now. Try again in a few minutes.")


class GatewayUnavailableError(GatewayError):
    """The request did not get through: nothing happened there."""


class GatewayTimeoutError(GatewayError):
    """The answer was lost: whether something happened there is unknown until it is retrieved."""

    message = gettext_noop(
        "The card processor hasn't answered yet. We ask again until we know; nothing is charged twice."
    )


class GatewayConflictError(GatewayError):
    """The same idempotency key came with another amount, currency or card, or the intent is unknown: our mistake."""

    status = 500
    message = gettext_noop("The payment couldn't be made. Nothing was charged.")


class SignatureError(AccountsError):
    """A webhook that the processor did not sign with our secret, or signed too long ago."""

    status = 400
    message = gettext_noop("The signature is not the processor's.")


class AmountNotChargeableError(GatewayConflictError):
    """The processor cannot charge this amount to the last digit, and nothing near it would be right."""


@dataclass(frozen=True, slots=True)
class SetupStart:
    """A visit to the processor's card page: its id there, the address to send the person to, and whose it is there."""

    gateway_id: str
    url: str
    gateway_customer: str = ""


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


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the processor's own books. `amount` is in minor units, `currency` the ISO code.

    `key` is the idempotency key we gave, empty where the processor knows none. A charge or refund that the processor
    is still at work on reads "unconfirmed".
    """

    kind: Literal["charge", "refund"]
    gateway_id: str
    key: str
    amount: int
    currency: str
    status: Status
    at: datetime


@dataclass(frozen=True, slots=True)
class ProcessorEvent:
    """What the processor tells us of by itself. A nudge: the object is retrieved, and what is then true recorded.

    `type` is in Stripe's words (payment_intent.succeeded …); `data` is the event's object as JSON values.
    """

    event_id: str
    type: str
    created_at: datetime
    object_id: str
    intent_id: str = ""
    key: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Gateway(Protocol):
    """A card processor. Amounts are minor units.

    Every method that asks the processor may raise GatewayUnavailableError (nothing happened there),
    GatewayTimeoutError (not known), GatewayConflictError (our mistake) and, for keys that the processor refuses,
    GatewayError itself.
    """

    name: str

    def start_setup(
        self, *, customer_key: str, return_url: str, cancel_url: str, gateway_customer: str = ""
    ) -> SetupStart:
        """Open a card page; the person comes back to `return_url`, or to `cancel_url` without a card.

        `gateway_customer` is the id that the customer already has there; without one, or where the processor has
        forgotten it, the customer is made, once per `customer_key`.
        """
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

    def find_intent(self, key: str, *, token: str = "") -> str | None:
        """The intent made under an idempotency key, None where none was made. With `token` the search is short."""
        ...

    def confirmation_url(self, intent_id: str, *, return_url: str) -> str | None:
        """Where the person confirms the charge with their bank; None where nothing is to be confirmed.

        Asks the bank, which may charge at once: after None, retrieve the intent.
        """
        ...

    def cancel_intent(self, intent_id: str) -> Outcome:
        """Give up an intent that was not charged; one that was keeps its outcome."""
        ...

    def refund(self, *, key: str, intent_id: str, amount: int) -> Outcome:
        """Give back part of a charge, at most once per `key`; declined where not so much of it is left.

        "unconfirmed": the processor has it and will settle it later.
        """
        ...

    def find_refund(self, key: str, *, intent_id: str = "") -> Outcome | None:
        """What became of the refund under a key, None where none was made. With `intent_id` the search is short."""
        ...

    def journal(self, *, since: datetime, until: datetime) -> Iterator[JournalEntry]:
        """What the processor says was charged and given back, begun in [since, until), oldest first."""
        ...

    def read_event(self, payload: bytes, signature: str) -> ProcessorEvent:
        """A webhook, verified. Raises SignatureError where it is not the processor's or too old."""
        ...
