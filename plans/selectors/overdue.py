"""Who is overdue, what follows by their plan, and what of it is due now."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.figures import sentence
from accounts.selectors import present_in_sql
from core.due import Due, only
from core.questions import Given, Question
from invoices.dunning import Consequence, Dunning, NamedConsequence
from invoices.overdue import dunning_of, lost_tries, overdue_customers
from plans.models import CarriedOutConsequence, OverdueConsequence, Plan, Subscription

Standing = tuple[Due, Dunning]


def consequences_of(customer_ids: Collection[int]) -> dict[int, NamedConsequence]:
    """What follows by the plans that these customers are on, in words; who is on hold has nothing more to fear."""
    holds = CarriedOutConsequence.objects.holds().filter(customer=OuterRef("customer"))
    free = Subscription.objects.open().filter(~Exists(holds), customer__in=customer_ids)
    named = free.exclude(plan__overdue_consequence=OverdueConsequence.NONE).select_related("plan")
    default = Plan.objects.published().filter(is_default=True).first() if named else None
    return {row.customer_id: _named(row.plan, default) for row in named}


def _named(plan: Plan, default: Plan | None) -> NamedConsequence:
    kinds: dict[str, Consequence] = {"downgrade": "downgrade", "hold": "hold"}
    kind = kinds[plan.overdue_consequence]
    if kind == "hold":
        held = sentence("access to %(plan)s is refused until everything overdue is paid", plan=plan.title)
        return NamedConsequence(kind, held)
    if default is None:
        ends = sentence("%(plan)s ends with a final invoice, and you go on with the default plan", plan=plan.title)
    else:
        plans = {"plan": plan.title, "default": default.title}
        ends = sentence("%(plan)s ends with a final invoice, and you go on with %(default)s", **plans)
    return NamedConsequence(kind, ends)


def dunning_of_customer(customer_id: int, at: datetime) -> Dunning:
    """Where one customer stands at their present."""
    return dunning_of({customer_id: at}, consequences_of([customer_id]))[customer_id]


def due_to_remind(found: Sequence[Standing]) -> list[Due]:
    """Of these customers those to whom a message is due, or who lack a card that should have been tried again."""
    lost = {
        each.customer_id
        for present in {due.present for due, _ in found}
        for each in lost_tries([due.id for due, _ in found if due.present == present], present)
    }
    return [due for due, stands in found if stands.tells or due.id in lost]


def due_to_carry_out(found: Sequence[Standing]) -> list[Due]:
    """Of these customers those whose plan's consequence follows now."""
    return [due for due, stands in found if stands.due and stands.due.kind == "consequence"]


def due_to_release(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Customers on hold with nothing overdue any more; nobody parked."""
    held = _held.ask(at=at, customer_id=customer_id)
    overdue = {due.id for due in overdue_customers(at, customer_id)} if held else set()
    return [Due(customer, customer, present) for customer, present in held if customer not in overdue]


@Question
def _held(at: Given, customer_id: Given | None) -> QuerySet[Any, Any]:
    holds = CarriedOutConsequence.objects.holds().filter(customer__parked_at=None, **only(customer_id))
    return holds.annotate(present=present_in_sql(at)).order_by("customer_id").values_list("customer_id", "present")


def standings(at: datetime, customer_id: int | None = None) -> list[Standing]:
    """Where everybody stands who is overdue by their own clock; nobody parked."""
    late = overdue_customers(at, customer_id)
    presents = {due.id: due.present for due in late}
    stands = dunning_of(presents, consequences_of(presents)) if late else {}
    return [(due, stands[due.id]) for due in late]
