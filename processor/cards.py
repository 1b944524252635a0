"""The published test cards. Each names a behaviour, which is all that is ever kept of a number.

A number is compared in memory, by what a form sent, and forgotten: what is stored is a token, the brand, the last
four digits and the expiry date. Anything that is not in the list is refused, and never shown again.
"""

import re
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final


@dataclass(frozen=True, slots=True)
class Card:
    """What a test card does. `declines` is the decline code of every charge."""

    name: str
    brand: str
    meaning: str
    declines: str = ""
    refused_at_entry: bool = False
    loses_answer: bool = False
    times_out: bool = False
    confirms: bool = False
    refunds: str = "succeeded"

    @property
    def fingerprint(self) -> str:
        """The same for the same card, and nothing of its number."""
        return sha256(f"sandbox:{self.name}".encode()).hexdigest()[:16]


CARDS: Final = {
    "4242424242424242": Card("visa", "visa", "Every charge succeeds"),
    "5555555555554444": Card("mastercard", "mastercard", "Every charge succeeds"),
    "4000000000000341": Card("declines", "visa", "Saved, but every charge is declined", declines="generic_decline"),
    "4000000000009995": Card("no_funds", "visa", "Saved, but charges lack funds", declines="insufficient_funds"),
    "4000000000000002": Card("refused", "visa", "Declined when you try to save it", refused_at_entry=True),
    "4000000000000119": Card(
        "loses_answer", "visa", "Charges succeed, but the answer is lost at first", loses_answer=True
    ),
    "4000000000000101": Card("times_out", "visa", "Charges time out and nothing is charged", times_out=True),
    "4000000000003063": Card("confirms", "visa", "Charges need the bank’s confirmation", confirms=True),
    "4000000000007726": Card("refunds_later", "visa", "Charges succeed; refunds take a while", refunds="pending"),
    "4000000000005126": Card("refunds_fail", "visa", "Charges succeed; refunds fail", refunds="failed"),
}
BY_NAME: Final = {card.name: card for card in CARDS.values()}

ONLY_TEST_CARDS: Final = "Only the published test cards work here. Never enter a real card."


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted card: no number any more."""

    card: Card
    last4: str
    expires: date  # the first of the month


def read_entry(values: dict[str, str], today: date) -> tuple[Entry | None, dict[str, str]]:
    """What somebody typed: the card, or a sentence for each wrong field. No sentence repeats what was typed."""
    number = re.sub(r"[\s-]", "", values.get("number", ""))
    expires = _expiry(values.get("expiry", ""))
    errors = {
        "number": _wrong_number(number),
        "expiry": _wrong_expiry(values.get("expiry", ""), expires, today),
        "cvc": _wrong_cvc(values.get("cvc", "").strip()),
    }
    errors = {field: error for field, error in errors.items() if error}
    if errors or expires is None:
        return None, errors
    return Entry(CARDS[number], number[-4:], expires), {}


def _wrong_number(number: str) -> str:
    if not number:
        return "This field is required."
    if number not in CARDS:
        return ONLY_TEST_CARDS
    return "The card was declined. Use another card." if CARDS[number].refused_at_entry else ""


def _expiry(typed: str) -> date | None:
    match = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*/?\s*(?:20)?([0-9]{2})\s*", typed)
    return date(2000 + int(match[2]), int(match[1]), 1) if match else None


def _wrong_expiry(typed: str, expires: date | None, today: date) -> str:
    if not typed.strip():
        return "This field is required."
    if expires is None:
        return "Use month and year, such as 04 / 30."
    return "This card has expired. Use another card." if expires < today.replace(day=1) else ""


def _wrong_cvc(typed: str) -> str:
    if not typed:
        return "This field is required."
    return "" if re.fullmatch(r"[0-9]{3,4}", typed) else "Use the 3 or 4 digits of the security code."
