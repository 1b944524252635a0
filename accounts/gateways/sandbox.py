"""The sandbox processor: the same adapter as Stripe's, at the address of the program in `processor/`."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import date, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from accounts.gateways.stripe import Account, StripeGateway


class SandboxGateway(StripeGateway):
    """The port, on the sandbox processor at SANDBOX_URL."""

    name = "sandbox"
    charges_every_digit = True

    def account(self) -> Account:
        return Account("sk_test_sandbox", settings.SANDBOX_URL, settings.SANDBOX_WEBHOOK_SECRET)


def enter_test_card(session_id: str, number: str, expires: date) -> None:
    """What a person does on the card page of that visit (demo, simulation, tests).

    Raises ValueError where the page does not take the card.
    """
    typed = {"number": number, "expiry": f"{expires:%m / %y}", "cvc": "123"}
    if _ask("POST", f"/c/{session_id}", typed) != HTTPStatus.SEE_OTHER:
        raise ValueError("the card page did not take this card")


def set_sandbox_clock(at: datetime | None) -> None:
    """The processor's books show `at` from now on; None: the time that it is (demo, simulation)."""
    _ask("POST", "/_sandbox/clock", {"at": at.isoformat() if at else ""})


def add_sandbox_fault(rule: Mapping[str, Any]) -> None:
    """One rule more for what the processor gets wrong (`processor/faults.py`); its plan stays (development)."""
    _ask("POST", "/_sandbox/faults/add", {"rule": json.dumps(rule)})


def sandbox_answers() -> bool:
    try:
        return _ask("GET", "/_sandbox/health", timeout=2) == HTTPStatus.OK
    except (OSError, HTTPException):
        return False


def _ask(method: str, path: str, form: dict[str, str] | None = None, timeout: int = 20) -> int:
    connection = HTTPConnection(urlsplit(settings.SANDBOX_URL).netloc, timeout=timeout)
    with closing(connection):
        connection.request(method, path, urlencode(form or {}), {"Content-Type": "application/x-www-form-urlencoded"})
        return connection.getresponse().status
