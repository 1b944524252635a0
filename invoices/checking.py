"""PURE: when to ask the gateway again about a payment whose outcome is not known, and when to give up waiting."""

from datetime import datetime, timedelta

FIRST = timedelta(minutes=1)
STEPS = (FIRST, timedelta(minutes=5), timedelta(hours=1))
DAILY = timedelta(days=1)
# How long the bank's confirmation may take. Whoever pressed «Pay» is there: the three quick questions. Whoever was
# charged by the run first has to read an e-mail: over a week-end.
PATIENCE_BY_HAND = sum(STEPS, timedelta())
PATIENCE_AUTOMATIC = timedelta(days=3)


def first_check(at: datetime) -> datetime:
    """One minute after the payment was committed or its answer was lost."""
    return at + FIRST


def next_check(checks: int, at: datetime) -> datetime:
    """After `checks` questions without an answer: 1 min, 5 min, 1 h, then daily."""
    return at + (STEPS[checks] if checks < len(STEPS) else DAILY)


def given_up_at(created_at: datetime, *, automatic: bool) -> datetime:
    """From here a payment that waits for the bank's confirmation is given up, at the next question."""
    return created_at + (PATIENCE_AUTOMATIC if automatic else PATIENCE_BY_HAND)
