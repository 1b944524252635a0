"""Staff: «New contract» – a plan for one customer alone, begun from one of the catalogue."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, PaymentPolicy, User
from accounts.sales import SalesContact
from accounts.services.lock_customers import lock_customers
from accounts.services.set_sales_contact import set_sales_contact
from plans.copying import copy_cards
from plans.exceptions import CurrencyMismatchError, PlanNotFoundError
from plans.models import Plan, PlanStatus
from plans.plan_rules import CONTRACT_FIELDS, audited, check_contract

COPIED = ("position", "currency", "settlement_mode", "when_credits_run_out")
PROMISED = ("tagline", "facts")


@transaction.atomic
def draft_contract(
    *,
    customer_id: int,
    plan_id: int,
    name: str,
    values: Mapping[str, Any],
    at: datetime,
    actor: User | None,
    reason: str,
    contact: SalesContact | None = None,
) -> Plan:
    """A draft with all terms of the published plan, managed by contract: invoices are sent, nothing is charged.

    `values` has keys of CONTRACT_FIELDS: payment terms (days), start and end as agreed. `contact` is whom in sales the
    customer talks to from now on; None: as it was. Nobody else can be put on it. All contracts of a customer are
    versions of one plan; the draft there is, where one waits already. Raises PlanNotFoundError where the plan is not
    published or another customer's contract, CurrencyMismatchError, PlanInvalidError, SalesContactInvalidError.
    """
    customer = lock_customers([customer_id])[customer_id]
    source = Plan.objects.published().open_to(customer_id).filter(pk=plan_id).first()
    if source is None:
        raise PlanNotFoundError(f"plan {plan_id} is not published for customer {customer_id}")
    if contact is not None:
        set_sales_contact(customer_id=customer_id, **asdict(contact), at=at, actor=actor, reason=reason)
    versions = list(Plan.objects.filter(customer=customer).order_by("-version"))
    waiting = next((version for version in versions if version.status == PlanStatus.DRAFT), None)
    if waiting is not None:
        return waiting
    _check_currency(customer, source, versions)
    check_contract(values)
    plan = _draft(customer, source, versions, name, values)
    plan.save(force_insert=True)
    copied = copy_cards(source, plan)
    record(
        at=at,
        actor=actor,
        customer_id=customer_id,
        action="draft_contract",
        subject=f"plan:{plan.key}:v{plan.version}",
        after={"name": name, "copied_from": str(source), "rate_cards": copied, **audited(dict(values))},
        reason=reason,
    )
    return plan


def _draft(customer: Customer, source: Plan, versions: list[Plan], name: str, values: Mapping[str, Any]) -> Plan:
    return Plan(
        key=f"contract-{customer.pk}",
        version=versions[0].version + 1 if versions else 1,
        name=name,
        customer=customer,
        self_serve=False,
        payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT,
        **_copied_from(source),
        **{field: values.get(field) for field in CONTRACT_FIELDS},
    )


def _copied_from(source: Plan) -> dict[str, Any]:
    """What a plan promises on its tile is copied from a contract alone: "cancel at any time" is true of no other."""
    promised = PROMISED if source.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT else ()
    return {field: getattr(source, field) for field in (*COPIED, *promised)}


def _check_currency(customer: Customer, source: Plan, versions: list[Plan]) -> None:
    """A customer is billed in one currency, and so are all versions of a plan."""
    held = {currency for currency in (customer.currency, *(each.currency for each in versions)) if currency}
    if held - {source.currency}:
        raise CurrencyMismatchError(f"customer {customer.pk} is billed in {held}, not {source.currency}")
