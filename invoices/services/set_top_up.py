"""The customer agrees to automatic top-up, or to other terms of it."""

from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.selectors import default_payment_methods, recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.language import english
from invoices.emails_selling import top_up_changed
from invoices.exceptions import PaymentMethodMissingError
from invoices.models import TopUpRule
from invoices.topping_up import TopUpTerms, check_terms, cooled_down, rule_of

AUDITED = ("is_on", "currency", "threshold", "amount", "ceiling")


@transaction.atomic
def set_top_up(*, customer_id: int, terms: TopUpTerms, at: datetime, actor: User | None = None) -> TopUpRule:
    """Switch automatic top-up on with these terms, in force at once; the same again changes nothing.

    A cool-down that runs goes on. Raises ManagedByContractError, PaymentMethodMissingError, SaleAmountError,
    TopUpRuleError.
    """
    customer = lock_customers([customer_id])[customer_id]
    rule = rule_of(customer_id, terms.currency)
    if rule is not None and rule.is_on and _terms(rule) == terms:
        return rule
    check_terms(customer, terms, at)
    card = default_payment_methods([customer_id]).get(customer_id)
    if card is None:
        raise PaymentMethodMissingError(f"customer {customer_id} has no card to charge")
    before = {name: getattr(rule, name) for name in AUDITED} if rule else None
    rule = rule or TopUpRule(customer_id=customer_id, currency=terms.currency, next_at=at)
    rule.is_on, rule.off_because = True, ""
    rule.threshold, rule.amount, rule.ceiling = terms.threshold, terms.amount, terms.ceiling
    rule.consented_at, rule.consented_by, rule.changed_at = at, actor, at
    rule.next_at = cooled_down(rule, at)
    rule.save()
    queue_notices([top_up_changed(rule, customer.name, card, recipients([customer_id])[customer_id])], at=at)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="set_top_up",
        subject=f"top_up:{rule.public_id}",
        before=before,
        after={name: getattr(rule, name) for name in AUDITED} | {"card": english(card)},
    )
    return rule


def _terms(rule: TopUpRule) -> TopUpTerms:
    return TopUpTerms(rule.currency, rule.threshold, rule.amount, rule.ceiling)
