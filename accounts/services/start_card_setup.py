from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

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
) -> str:
    """Open the gateway's card page; the address to send the person to (303).

    `next_url` is the path of this portal to go to afterwards (empty: the billing portal); callers take it from
    people only through `accounts.access.local_path`. `build_url` makes an absolute address of a path
    (`request.build_absolute_uri`). Talks to the gateway, so it is called outside transactions. Raises
    ManagedByContractError and GatewayError.
    """
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(f"customer {customer.pk} asked for the card page")
    key = public_id("set")
    start = get_gateway(GatewayName.SANDBOX).start_setup(
        customer_key=customer.key,
        return_url=build_url(f"{reverse('pm_add_return')}?{urlencode({'setup': key})}"),
        cancel_url=build_url(f"{reverse('pm_add')}?{urlencode({'next': next_url})}"),
    )
    CardSetup.objects.create(
        key=key,
        customer=customer,
        user=user,
        gateway=GatewayName.SANDBOX,
        gateway_id=start.gateway_id,
        next_url=next_url,
        make_default=make_default,
        created_at=at,
    )
    return start.url
