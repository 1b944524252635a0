"""An invoice stayed unpaid, and a delivered warning said what follows: now it does."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import Customer, User
from accounts.selectors import recipients_and_admins
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from invoices.dunning import Step
from invoices.overdue import dunning_of, warning_of
from plans.emails import downgraded_unpaid, held
from plans.ending import begin_spell, end_spell
from plans.models import CarriedOutConsequence, OverdueConsequence, Subscription
from plans.selectors.catalogue import default_plan
from plans.selectors.closing import closing
from plans.selectors.overdue import consequences_of
from plans.spells import keep_number, open_subscription, snapshot


@transaction.atomic
def carry_out_consequences(
    *, customer_ids: Collection[int], at: datetime, actor: User | None = None
) -> list[CarriedOutConsequence]:
    """What the plans of these customers say, where it is due at `at`; what was carried out by this call.

    Only on a final warning about an invoice that is still overdue, delivered DUNNING_PATIENCE ago, and never with a
    payment whose outcome is not known. *Downgrade*: what «Confirm Downgrade» does; the final invoice is sent, to be
    paid within its terms, because the card has failed every time. *Hold*: access is refused until everything overdue is
    paid; usage that comes all the same and fees are billed. Once per invoice and kind; asking again changes nothing.
    """
    customers = lock_customers(customer_ids)
    stands = dunning_of(dict.fromkeys(customers, at), consequences_of(customers))
    due = {pk: own.due for pk, own in stands.items() if own.due is not None and own.due.kind == "consequence"}
    return [_carry_out(customers[pk], step, at, actor) for pk, step in due.items() if customers[pk].parked_at is None]


def _carry_out(customer: Customer, step: Step, at: datetime, actor: User | None) -> CarriedOutConsequence:
    current = open_subscription(customer.pk)
    kind = OverdueConsequence(current.plan.overdue_consequence)
    row = CarriedOutConsequence(
        key=f"invoice:{step.invoice_id}:consequence:{kind}",
        kind=kind,
        customer=customer,
        subscription=current,
        overdue_id=step.invoice_id,
        warning=warning_of(step.invoice_id, kind),
        at=at,
    )
    if kind == OverdueConsequence.DOWNGRADE:
        _downgrade(row, customer, current, actor)
    row.save(force_insert=True)
    _tell(row, current, actor)
    return row


def _downgrade(row: CarriedOutConsequence, customer: Customer, current: Subscription, actor: User | None) -> None:
    plan, opens_id, at = default_plan(), keep_number(), row.at
    owed = closing(current, at, to=plan, opens_id=opens_id)
    row.invoice = end_spell(
        current=current, owed=owed, to=plan, ends_at=at, at=at, actor=actor, collect_now=False, charged=False
    )
    row.opened = begin_spell(customer=customer, before=current, plan=plan, starts_at=at, opens_id=opens_id)


def _tell(row: CarriedOutConsequence, before: Subscription, actor: User | None) -> None:
    record(
        at=row.at,
        actor=actor,
        customer_id=row.customer_id,
        action="carry_out_consequences",
        subject=f"invoice:{row.overdue_id}",
        before=snapshot(before),
        after={
            "consequence": row.kind,
            "warned": row.warning.sent_at.isoformat() if row.warning.sent_at else None,
            **(snapshot(row.opened) if row.opened else {}),
            **({"total": row.invoice.total} if row.invoice else {}),
        },
    )
    to = recipients_and_admins([row.customer_id])[row.customer_id]
    queue_notices([downgraded_unpaid(row, to) if row.opened else held(row, to)], at=row.at)
