"""Staff: begin a plan, or change one that is still a draft."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import User
from core.money import UnknownCurrencyError, exponent
from plans.exceptions import PlanFrozenError, PlanInvalidError
from plans.models import Plan, PlanStatus
from plans.plan_rules import CONTRACT_FIELDS, audited, check_address, check_contract

FIELDS = (
    "key", "name", "tagline", "facts", "position", "currency", "settlement_mode", "when_credits_run_out",
    "payment_policy", "overdue_consequence", "self_serve", *CONTRACT_FIELDS,
)  # fmt: skip
FIXED = ("key", "currency")  # from the first save on: rate cards hold amounts of this currency


@transaction.atomic
def save_plan(*, plan_id: int | None, values: Mapping[str, Any], at: datetime, actor: User | None) -> Plan:
    """A new draft where `plan_id` is None; else the draft with these values, those not named as they were.

    `values` has keys of `FIELDS`. Raises PlanInvalidError for a key in use or of another page, an unknown currency, or
    a key or currency that would change; PlanFrozenError for a version that is published.
    """
    plan = Plan() if plan_id is None else Plan.objects.select_for_update().get(pk=plan_id)
    if plan_id is None:
        _check_new(values)
    elif plan.status != PlanStatus.DRAFT:
        raise PlanFrozenError(f"{plan} is {plan.status}")
    changed = {field: values[field] for field in FIELDS if field in values and values[field] != getattr(plan, field)}
    if plan_id is not None and any(field in changed for field in FIXED):
        raise PlanInvalidError(f"{plan}: {changed}", message=gettext("Key and currency stay as they were first saved."))
    if plan_id is not None and not changed:
        return plan
    check_contract({**{field: getattr(plan, field) for field in CONTRACT_FIELDS}, **changed})
    before = {field: getattr(plan, field) for field in changed} if plan_id else {}
    for field, value in changed.items():
        setattr(plan, field, value)
    check_address(plan.key, self_serve=plan.self_serve)
    _write(plan)
    record(
        at=at,
        actor=actor,
        customer_id=plan.customer_id,
        action="save_plan",
        subject=f"plan:{plan.key}:v{plan.version}",
        before=audited(before),
        after=audited(changed),
    )
    return plan


def _write(plan: Plan) -> None:
    """Two forms with one key at the same moment: the second is told what the next one would be."""
    try:
        with transaction.atomic():
            plan.save()
    except IntegrityError as error:
        raise _key_taken(plan.key) from error


def _key_taken(key: str) -> PlanInvalidError:
    message = gettext("Key: there is a plan “%(key)s” already. Open it and choose «New version».") % {"key": key}
    return PlanInvalidError(f"plan {key} exists", message=message)


def _check_new(values: Mapping[str, Any]) -> None:
    key, currency = values["key"], values["currency"]
    if Plan.objects.filter(key=key).exists():
        raise _key_taken(key)
    try:
        exponent(currency)
    except UnknownCurrencyError as error:
        message = gettext("Currency: “%(currency)s” is not an ISO 4217 code.") % {"currency": currency}
        raise PlanInvalidError(f"unknown currency {currency}", message=message) from error
