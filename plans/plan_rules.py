"""What the terms of a contract must keep, and a plan's values as the audit trail remembers them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from core.language import gettext
from plans.exceptions import PlanInvalidError

CONTRACT_FIELDS = ("payment_terms", "contract_starts_on", "contract_ends_on")
LONGEST_TERMS = 365  # days
TAKEN = ("cancel", "enterprise")  # addresses beside those of plans (plans/urls.py), which would hide a plan's


def check_contract(values: Mapping[str, Any]) -> None:
    """Raises PlanInvalidError; what is not there, or None, is not agreed."""
    terms, starts_on, ends_on = (values.get(name) for name in CONTRACT_FIELDS)
    if terms is not None and not 0 <= terms <= LONGEST_TERMS:
        message = gettext("Payment terms: from 0 to %(longest)s days.") % {"longest": LONGEST_TERMS}
        raise PlanInvalidError(f"payment terms of {terms} days", message=message)
    if starts_on and ends_on and ends_on < starts_on:
        raise PlanInvalidError(f"{starts_on} to {ends_on}", message=gettext("Contract end: not before its start."))


def check_address(key: str, *, self_serve: bool) -> None:
    """Raises PlanInvalidError where customers could not come to the page on which they choose it."""
    if self_serve and key in TAKEN:
        message = gettext("Key: “%(key)s” is the address of another page. Choose another key.") % {"key": key}
        raise PlanInvalidError(f"key {key} is an address", message=message)


def audited(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values: days as ISO texts."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
