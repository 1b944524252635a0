from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.emails import payment_method_changed
from accounts.exceptions import ManagedByContractError, PaymentMethodDeletedError
from accounts.models import PaymentMethod, PaymentPolicy, User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.language import english


@transaction.atomic
def make_default(*, payment_method: PaymentMethod, at: datetime, actor: User | None) -> PaymentMethod:
    """Charge this card from now on. The default already: nothing is written.

    Raises ManagedByContractError and PaymentMethodDeletedError.
    """
    customer = lock_customers([payment_method.customer_id])[payment_method.customer_id]
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(customer, "chose a default card")
    method = PaymentMethod.objects.get(pk=payment_method.pk)
    if method.deleted_at:
        raise PaymentMethodDeletedError(f"payment_method:{method.pk}")
    if method.is_default:
        return method
    before = PaymentMethod.objects.filter(customer=customer, is_default=True).first()
    PaymentMethod.objects.filter(customer=customer, is_default=True).update(is_default=False)
    method.is_default = True
    method.save(update_fields=["is_default"])
    queue_notices([payment_method_changed(method, customer, change="default", at=at, actor=actor)], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="make_default",
        subject=f"payment_method:{method.pk}",
        before={"default": str(before) if before else None},
        after={"default": english(method)},
    )
    return method
