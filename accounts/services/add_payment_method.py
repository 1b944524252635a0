from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.emails import payment_method_changed
from accounts.exceptions import (
    CardNotEnteredError,
    DuplicateCardError,
    ManagedByContractError,
    NotSandboxError,
    UnknownCardSetupError,
)
from accounts.gateways import get_gateway
from accounts.gateways.base import CardDetails
from accounts.models import CardSetup, GatewayName, PaymentMethod, PaymentPolicy, User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.language import english


def add_payment_method(*, setup_key: str, at: datetime, actor: User | None) -> PaymentMethod:
    """Keep the card that was entered on the gateway's page. A repeat gives the same card again.

    The customer's first card becomes the default, a later one where the visit asked for it. One that is saved already,
    with another expiry, was renewed: it takes the place of the old row, at which payments made with it still point. The
    gateway is asked before the transaction begins. Raises UnknownCardSetupError, CardNotEnteredError,
    DuplicateCardError, ManagedByContractError, NotSandboxError (with a test clock only sandbox cards are kept) and
    GatewayError.
    """
    setup = CardSetup.objects.select_related("payment_method").filter(key=setup_key).first()
    if setup is None:
        raise UnknownCardSetupError(setup_key)
    if setup.payment_method:
        return setup.payment_method
    card = get_gateway(setup.gateway).retrieve_setup(setup.gateway_id)
    if card is None:
        raise CardNotEnteredError(setup_key)
    return _keep(setup, card, at, actor)


@transaction.atomic
def _keep(setup: CardSetup, card: CardDetails, at: datetime, actor: User | None) -> PaymentMethod:
    customer = lock_customers([setup.customer_id])[setup.customer_id]
    setup.refresh_from_db()
    if setup.payment_method:  # the same return, in another tab, was faster
        return setup.payment_method
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(customer, "came back with a card")
    if customer.clock_at is not None and setup.gateway != GatewayName.SANDBOX:
        raise NotSandboxError(f"customer {customer.pk} has a test clock, and came back with a card of {setup.gateway}")
    live = list(PaymentMethod.objects.live().filter(customer=customer))
    default, renewed = next((method for method in live if method.is_default), None), _renewed(live, setup.gateway, card)
    makes_default = default is None or setup.make_default or default == renewed
    if makes_default:
        PaymentMethod.objects.filter(customer=customer, is_default=True).update(is_default=False)
    if renewed:
        PaymentMethod.objects.filter(pk=renewed.pk).update(deleted_at=at)
    method = _insert(setup, card, at, is_default=makes_default)
    setup.payment_method = method
    setup.save(update_fields=["payment_method"])
    queue_notices([payment_method_changed(method, customer, change="added", at=at, actor=actor)], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="add_payment_method",
        subject=f"payment_method:{method.pk}",
        before={"default": str(default) if default else None} | _expiry(renewed),
        after={"card": english(method), "is_default": makes_default} | (_expiry(method) if renewed else {}),
    )
    return method


def _renewed(live: Sequence[PaymentMethod], gateway: str, card: CardDetails) -> PaymentMethod | None:
    """The card whose place this one takes. Raises DuplicateCardError where it is the same to its expiry."""
    same = (one for one in live if card.fingerprint and (one.gateway, one.fingerprint) == (gateway, card.fingerprint))
    found = next(same, None)
    if found and (found.exp_year, found.exp_month) == (card.exp_year, card.exp_month):
        raise DuplicateCardError(f"same fingerprint as payment_method:{found.pk}")
    return found


def _expiry(card: PaymentMethod | None) -> dict[str, str]:
    """For the audit trail, where one card takes the place of another."""
    return {"expires": card.expires_after().isoformat()} if card else {}


def _insert(setup: CardSetup, card: CardDetails, at: datetime, *, is_default: bool) -> PaymentMethod:
    return PaymentMethod.objects.create(
        customer_id=setup.customer_id,
        gateway=setup.gateway,
        token=card.token,
        fingerprint=card.fingerprint,
        brand=card.brand,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        is_default=is_default,
        created_at=at,
    )
