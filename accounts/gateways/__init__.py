"""Card processors behind one port: `get_gateway(name)` gives the one a payment method belongs to."""

from collections.abc import Callable

from accounts.gateways.base import Gateway
from accounts.gateways.declines import decline_message
from accounts.gateways.sandbox import SandboxGateway
from accounts.gateways.stripe import StripeGateway

_GATEWAYS: dict[str, Callable[[], Gateway]] = {"sandbox": SandboxGateway, "stripe": StripeGateway}


def get_gateway(name: str = "sandbox") -> Gateway:
    """The processor of that name. Raises KeyError for one this portal does not know."""
    return _GATEWAYS[name]()


__all__ = ["decline_message", "get_gateway"]
