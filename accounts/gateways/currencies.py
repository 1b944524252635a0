"""Amounts as Stripe counts them, which is not for every currency in ISO's minor unit.

Our amounts are in the minor units that `core.money` knows. Stripe has its own table: these currencies without
decimals, these with three (of which the last must be 0), and every other with two – also ISK and UGX, which have none.
"""

from typing import Final

from accounts.gateways.base import AmountNotChargeableError
from core.money import exponent

PLAIN: Final = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THOUSANDTHS: Final = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


def to_stripe(amount: int, currency: str, *, every_digit: bool = False) -> int:
    """Our minor units → Stripe's. Raises AmountNotChargeableError for what Stripe can't charge to the last digit.

    `every_digit`: the processor charges thousandths too (the sandbox does).
    """
    shift = _decimals(currency) - exponent(currency)
    charged, rest = divmod(amount * _power(shift), _power(-shift))
    if rest or (currency in THOUSANDTHS and charged % 10 and not every_digit):
        raise AmountNotChargeableError(f"Stripe can't charge {amount} minor units of {currency} to the last digit")
    return charged


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's units → ours; what Stripe has beyond our last digit can't be, and is cut."""
    shift = _decimals(currency) - exponent(currency)
    return amount * _power(-shift) // _power(shift)


def _power(digits: int) -> int:
    return int("1" + "0" * max(digits, 0))


def _decimals(currency: str) -> int:
    return 0 if currency in PLAIN else 3 if currency in THOUSANDTHS else 2
