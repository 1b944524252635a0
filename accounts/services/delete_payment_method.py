from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.emails import payment_method_changed
from accounts.exceptions import DefaultRequiredError, ManagedByContractError
from accounts.models import PaymentMethod, PaymentPolicy, User
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.language import english


@transaction.atomic
def delete_payment_method(*, payment_method: PaymentMethod, at: datetime, actor: User | None) -> PaymentMethod:
    """Delete a card for people; its row stays, because payments point at it. Deleted already: nothing is written.

    With an active paid plan the default stays, and so at least one card does: DefaultRequiredError. On Free the
    newest of the other cards becomes the default. Raises ManagedByContractError for cards kept by contract.
    """
    customer = lock_customers([payment_method.customer_id])[payment_method.customer_id]
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(customer, "deletes a card")
    method = PaymentMethod.objects.get(pk=payment_method.pk)
    if method.deleted_at:
        return method
    if method.is_default and customer.payment_policy == PaymentPolicy.REQUIRED:
        raise DefaultRequiredError(f"payment_method:{method.pk} is the default of customer {customer.pk}")
    was_default = method.is_default
    method.is_default, method.deleted_at = False, at
    method.save(update_fields=["is_default", "deleted_at"])
    heir = _promote_newest(customer.pk) if was_default else None
    queue_notices([payment_method_changed(method, customer, change="removed", at=at, actor=actor)], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk,
        action="delete_payment_method",
        subject=f"payment_method:{method.pk}",
        before={"card": english(method), "is_default": was_default},
        after={"default": str(heir)} if heir else {},
    )
    return method


def _promote_newest(customer_id: int) -> PaymentMethod | None:
    heir = PaymentMethod.objects.live().filter(customer_id=customer_id).order_by("-created_at", "-pk").first()
    if heir:
        heir.is_default = True
        heir.save(update_fields=["is_default"])
    return heir
