"""Make a draft the version that customers subscribe to."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.models import PaymentPolicy, User
from core.money import UnknownCurrencyError, exponent
from plans.exceptions import PlanMovedError, PlanNotPublishableError
from plans.models import Plan, PlanStatus, SettlementMode
from plans.price_rules import broken_rules
from plans.versions import figures


@transaction.atomic
def publish_plan(*, plan: Plan, at: datetime, actor: User | None, reason: str = "", seen: str = "") -> Plan:
    """Publish a draft and archive the version before; subscriptions stay on the version they have.

    From here on the plan and its rate cards never change: database triggers refuse it. Publishing twice is a
    no-op. `seen` are the `figures` that were shown. Raises PlanMovedError where they moved, PlanNotPublishableError
    for an archived plan, an unknown currency or a rate card that breaks a rule of `plans.price_rules`; the message
    names the card, the field and the tier.
    """
    versions = Plan.objects.with_cards().select_for_update().filter(key=plan.key).order_by("pk")
    plan = next(version for version in versions if version.pk == plan.pk)
    if plan.status == PlanStatus.PUBLISHED:
        return plan
    before = [version for version in versions if version.status == PlanStatus.PUBLISHED]
    if seen and figures(plan, before[0] if before else None) != seen:
        raise PlanMovedError(f"{plan} is not what was seen")
    _check(plan)
    for version in before:
        version.status = PlanStatus.ARCHIVED
        version.save(update_fields=["status"])
    plan.status = PlanStatus.PUBLISHED
    plan.published_at = at
    plan.save(update_fields=["status", "published_at"])
    record(
        at=at,
        actor=actor,
        customer_id=plan.customer_id,
        action="publish_plan",
        subject=f"plan:{plan.key}:v{plan.version}",
        before={"published": [version.version for version in before]},
        after={"published": [plan.version]},
        reason=reason,
    )
    return plan


def _check(plan: Plan) -> None:
    if plan.status == PlanStatus.ARCHIVED:
        raise PlanNotPublishableError(
            f"{plan} is archived", message=gettext("Status: an archived version stays archived.")
        )
    try:
        exponent(plan.currency)
    except UnknownCurrencyError as error:
        message = gettext("Currency: “%(currency)s” is not an ISO 4217 code.") % {"currency": plan.currency}
        raise PlanNotPublishableError(f"{plan}: unknown currency", message=message) from error
    if plan.settlement_mode == SettlementMode.CREDIT_ONLY and plan.payment_policy == PaymentPolicy.REQUIRED:
        message = gettext("Payment policy: a credits-only plan needs no card.")
        raise PlanNotPublishableError(f"{plan} requires a card", message=message)
    broken = [rule for card in plan.rate_cards.all() for rule in broken_rules(card.terms(plan.currency))]
    if broken:
        raise PlanNotPublishableError(f"{plan}: {broken[0]}", message=" ".join(broken))
