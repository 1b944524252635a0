from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from accounts.exceptions import ManagedByContractError
from accounts.gateways import get_gateway
from accounts.models import CardSetup, Customer, GatewayName, PaymentPolicy, User
from core.ids import public_id


def start_card_setup(
    *,
    customer: Customer,
    user: User,
    next_url: str,
    at: datetime,
    build_url: Callable[[str], str],
    make_default: bool = False,
    gateway: str = "",
) -> str:
    """Open the gateway's card page; the address to send the person to (303).

    `next_url` is the path of this portal to go to afterwards (empty: the billing portal); callers take it from
    people only through `accounts.access.local_path`. `build_url` makes an absolute address of a path
    (`request.build_absolute_uri`). `gateway` names the processor where it is not CARD_GATEWAY's; with a test clock it
    is the sandbox, whatever is set. Talks to it, so it is called outside transactions. Raises ManagedByContractError
    and GatewayError.
    """
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(customer, "asked for the card page")
    key, gateway = public_id("set"), gateway or (GatewayName.SANDBOX if customer.clock_at else settings.CARD_GATEWAY)
    start = get_gateway(gateway).start_setup(
        customer_key=customer.key,
        gateway_customer=_known_there(customer, gateway),
        return_url=build_url(f"{reverse('pm_add_return')}?{urlencode({'setup': key})}"),
        cancel_url=build_url(f"{reverse('pm_add')}?{urlencode({'next': next_url})}"),
    )
    _keep_customer(customer, f"{gateway}:{start.gateway_customer}")
    CardSetup.objects.create(
        key=key,
        customer=customer,
        user=user,
        gateway=gateway,
        gateway_id=start.gateway_id,
        next_url=next_url,
        make_default=make_default,
        created_at=at,
    )
    return start.url


def _known_there(customer: Customer, gateway: str) -> str:
    """The customer's id at that processor; one kept for another processor is none."""
    name, _, gateway_customer = customer.gateway_customer.partition(":")
    return gateway_customer if name == gateway else ""


def _keep_customer(customer: Customer, reference: str) -> None:
    """Two tabs at once: the first one's stays. The other's card still works, for its token names whose it is."""
    if customer.gateway_customer == reference:
        return
    same = Customer.objects.filter(pk=customer.pk, gateway_customer=customer.gateway_customer)
    if same.update(gateway_customer=reference):
        customer.gateway_customer = reference
