"""The sandbox processor: the same adapter as Stripe's, at the address of the program in `processor/`."""

from datetime import date
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from accounts.gateways.stripe import Account, StripeGateway


class SandboxGateway(StripeGateway):
    """The port, on the sandbox processor at SANDBOX_URL."""

    name = "sandbox"

    def account(self) -> Account:
        return Account("sk_test_sandbox", settings.SANDBOX_URL, settings.SANDBOX_WEBHOOK_SECRET)


def enter_test_card(session_id: str, number: str, expires: date) -> None:
    """What a person does on the card page of that visit (demo, simulation, tests).

    Raises ValueError where the page does not take the card.
    """
    form = urlencode({"number": number, "expiry": f"{expires:%m / %y}", "cvc": "123"})
    page = HTTPConnection(urlsplit(settings.SANDBOX_URL).netloc, timeout=20)
    try:
        page.request("POST", f"/c/{session_id}", form, {"Content-Type": "application/x-www-form-urlencoded"})
        if page.getresponse().status != HTTPStatus.SEE_OTHER:
            raise ValueError("the card page did not take this card")
    finally:
        page.close()
