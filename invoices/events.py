"""PURE: which events of a card processor mean something here, when they are tried again, what is kept of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

About = Literal["payment", "refund", "setup", "dispute"]

PAYMENT = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "payment_intent.processing",
)
REFUND = ("charge.refunded", "charge.refund.updated", "refund.created", "refund.updated", "refund.failed")
SETUP = ("checkout.session.completed",)
DISPUTE = "charge.dispute."
DISPUTES = tuple(DISPUTE + each for each in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated"))
KNOWN = (*PAYMENT, *REFUND, *SETUP, *DISPUTES)

STEPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
DAILY = timedelta(days=1)
MOST_TRIES = 7  # three days: then somebody has to look; the payment itself is asked about all the same
SECRET = ("secret", "number", "cvc", "token", "password")


def about(type_: str) -> About | None:
    """What an event of that type speaks of; None for those that nothing follows from."""
    if type_ in PAYMENT:
        return "payment"
    if type_ in REFUND:
        return "refund"
    if type_ in SETUP:
        return "setup"
    return "dispute" if type_.startswith(DISPUTE) else None


def retry_after(tries: int, at: datetime) -> datetime | None:
    """When an event that `tries` times could not be handled is tried again; None: no more."""
    if tries >= MOST_TRIES:
        return None
    return at + (STEPS[tries - 1] if tries <= len(STEPS) else DAILY)


def without_secrets(value: Any) -> Any:
    """The same JSON without what nobody may read: client secrets, tokens, numbers."""
    if isinstance(value, Mapping):
        return {name: without_secrets(each) for name, each in value.items() if not _is_secret(str(name))}
    return [without_secrets(each) for each in value] if isinstance(value, list | tuple) else value


def _is_secret(name: str) -> bool:
    return any(name == word or name.endswith(f"_{word}") for word in SECRET)
