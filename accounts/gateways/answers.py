"""What Stripe's answers and errors mean to the port."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import stripe
from django.db import connection
from urllib3.exceptions import NewConnectionError

from accounts.gateways.base import (
    GatewayConflictError,
    GatewayError,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Outcome,
    ProcessorEvent,
    Status,
)

_INTENTS: Final[dict[str, Status]] = {
    "succeeded": "succeeded",
    "canceled": "canceled",
    "requires_confirmation": "unconfirmed",
    "requires_action": "needs_confirmation",
}
_REFUNDS: Final[dict[str, Status]] = {"succeeded": "succeeded", "failed": "declined", "canceled": "canceled"}


@contextmanager
def asking(what: str) -> Iterator[None]:
    """The library's errors become the port's. A declined card is no error of the port and passes.

    Raises RuntimeError inside a transaction: what the processor does can't be rolled back with it.
    """
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise RuntimeError(f"asked the processor to {what} inside a transaction")
    try:
        yield
    except stripe.CardError:
        raise
    except stripe.APIConnectionError as error:
        raise _kind_of_silence(error)(f"{what}: no answer") from error
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        raise GatewayConflictError(f"{what}: {error.user_message}") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayError(f"{what}: the processor refuses our key ({type(error).__name__})") from error
    except stripe.StripeError as error:  # too many requests, 5xx, 409: it may have happened or not
        raise GatewayTimeoutError(f"{what}: {type(error).__name__} {error.http_status}") from error


def _kind_of_silence(error: stripe.APIConnectionError) -> type[GatewayError]:
    """Only where no connection came about did nothing happen there; a connection that ended may have been heard."""
    cause = error.__cause__
    reason = getattr(cause.args[0], "reason", None) if cause and cause.args else None
    return GatewayUnavailableError if isinstance(reason, NewConnectionError) else GatewayTimeoutError


def outcome_of_intent(intent: dict[str, Any]) -> Outcome:
    """Raises GatewayTimeoutError where the processor itself doesn't know yet."""
    status = intent["status"]
    if status in _INTENTS:
        return Outcome(_INTENTS[status])
    if status != "requires_payment_method":
        raise GatewayTimeoutError(f"{intent['id']} is {status}")
    error = intent.get("last_payment_error")
    if not error:
        return Outcome("unconfirmed")
    if error.get("code") == "authentication_required":
        return Outcome("needs_confirmation")
    code = error.get("decline_code") or error.get("code") or "card_declined"
    return Outcome("declined", "card_declined" if code == "generic_decline" else code)


def outcome_of_refund(refund: dict[str, Any]) -> Outcome:
    """Pending: the processor has it, and nobody knows more yet."""
    status = _REFUNDS.get(refund["status"], "unconfirmed")
    return Outcome(status, (refund.get("failure_reason") or "refund_failed") if status == "declined" else "")


def refused_refund(error: GatewayConflictError) -> Outcome | None:
    """Not so much of the charge is left: an answer, and no mistake of the protocol."""
    cause = error.__cause__
    if not isinstance(cause, stripe.InvalidRequestError):
        return None
    too_much = cause.code == "charge_already_refunded" or cause.param == "amount"
    return Outcome("declined", "charge_already_refunded") if too_much else None


def read_event(event: dict[str, Any]) -> ProcessorEvent:
    """The client's secret is taken out: it lets whoever holds it confirm the payment."""
    about = {name: value for name, value in event["data"]["object"].items() if name != "client_secret"}
    is_intent = about.get("object") == "payment_intent"
    return ProcessorEvent(
        event_id=event["id"],
        type=event["type"],
        created_at=datetime.fromtimestamp(event["created"], UTC),
        object_id=about.get("id") or "",
        intent_id=(about["id"] if is_intent else about.get("payment_intent")) or "",
        key=(about.get("metadata") or {}).get("key", ""),
        data=about,
    )
