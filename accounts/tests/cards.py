"""Test cards without a browser: what people do on the sandbox processor's card page, in one call."""

from datetime import date, datetime

from accounts.gateways.sandbox import enter_test_card
from accounts.models import CardSetup, Customer, PaymentMethod, User
from accounts.services.add_payment_method import add_payment_method
from accounts.services.start_card_setup import start_card_setup

VISA = "4242424242424242"
MASTERCARD = "5555555555554444"
DECLINES = "4000000000000341"
NO_FUNDS = "4000000000009995"
REFUSED = "4000000000000002"
LOSES_ANSWER = "4000000000000119"
TIMES_OUT = "4000000000000101"
CONFIRMS = "4000000000003063"
REFUNDS_LATER = "4000000000007726"
REFUNDS_FAIL = "4000000000005126"


def visit(customer: Customer, user: User, at: datetime, *, make_default: bool = False, next_url: str = "") -> CardSetup:
    """A visit to the card page that has just begun."""
    start_card_setup(
        customer=customer,
        user=user,
        next_url=next_url,
        at=at,
        build_url=lambda path: "http://testserver" + path,
        make_default=make_default,
    )
    return CardSetup.objects.latest("pk")


def enter(setup: CardSetup, number: str, expires: date = date(2030, 4, 1)) -> None:
    """The card is typed into the page of that visit."""
    enter_test_card(setup.gateway_id, number, expires)


def add_card(
    customer: Customer, user: User, at: datetime, number: str = VISA, *, make_default: bool = False
) -> PaymentMethod:
    """The whole way: page, card, return."""
    setup = visit(customer, user, at, make_default=make_default)
    enter(setup, number)
    return add_payment_method(setup_key=setup.key, at=at, actor=user)


def typed(number: str = VISA, **values: str) -> dict[str, str]:
    """What somebody fills into the card page."""
    return {"number": number, "expiry": "04 / 30", "cvc": "123", **values}
