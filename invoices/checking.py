"""PURE: when to ask the gateway again about a payment whose outcome is not known."""

from datetime import datetime, timedelta

FIRST = timedelta(minutes=1)
STEPS = (FIRST, timedelta(minutes=5), timedelta(hours=1))
DAILY = timedelta(days=1)
CONFIRMATION_CHECKS = len(STEPS)  # a bank's confirmation that did not come by then is given up


def first_check(at: datetime) -> datetime:
    """One minute after the payment was committed or its answer was lost."""
    return at + FIRST


def next_check(checks: int, at: datetime) -> datetime:
    """After `checks` questions without an answer: 1 min, 5 min, 1 h, then daily."""
    return at + (STEPS[checks] if checks < len(STEPS) else DAILY)
