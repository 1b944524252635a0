"""The month of a customer who pays with credit alone, as a document: opening balance, movements, closing balance."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db import transaction

from accounts.audit import record_all
from accounts.models import User
from accounts.selectors import parties, recipients
from accounts.services.lock_customers import lock_customers
from accounts.services.queue_notices import queue_notices
from core.periods import midnight
from credits.selectors import heads
from credits.services.book_due_credits import book_due_credits
from credits.stated import Cut
from credits.statements import balance_before, stated_movements
from invoices.emails import stated
from invoices.exceptions import StatementError
from invoices.models import CreditStatement
from invoices.parties import seller_party
from invoices.selectors import default_seller
from invoices.statements import StatementDraft

GENESIS = "0" * 64

Of = tuple[int, str]


@transaction.atomic
def issue_statements(
    *, wanted: Sequence[StatementDraft], at: datetime, actor: User | None = None
) -> list[CreditStatement]:
    """One statement per draft, in the order given; a period stated before gives that statement, untouched.

    Due releases and expiries are booked first. The PDF follows (`deliver_documents`); the customer is told. Raises
    StatementError for a period that has not ended by `at`, or ends before one that is stated already.
    """
    customers = lock_customers({draft.customer_id for draft in wanted})
    latest = _latest(customers)
    found = {(each.customer_id, each.currency, each.period_end): each for each in _stated(wanted)}
    new = {_place(draft): draft for draft in wanted if _place(draft) not in found}
    if new:
        book_due_credits(customer_ids={draft.customer_id for draft in new.values()}, at=at)
        ledgers = heads(customers)
        seller, buyers, to = seller_party(default_seller()), parties(customers), recipients(customers)
        made = []
        for draft in sorted(new.values(), key=lambda each: each.period.end):
            before = latest.get((draft.customer_id, draft.currency))
            _check(draft, before, at)
            row = _statement(draft, before, ledgers.get(draft.customer_id, (0, GENESIS)), at)
            row.seller_party, row.customer_party = seller, buyers[draft.customer_id]
            row.save(force_insert=True)
            latest[draft.customer_id, draft.currency] = found[_place(draft)] = row
            made.append(row)
        _tell(made, to, at, actor)
    return [found[place] for place in dict.fromkeys(_place(draft) for draft in wanted)]


def _place(draft: StatementDraft) -> tuple[int, str, date]:
    return draft.customer_id, draft.currency, draft.period.end


def _stated(wanted: Sequence[StatementDraft]) -> list[CreditStatement]:
    ends = {draft.period.end for draft in wanted}
    ids = {draft.customer_id for draft in wanted}
    return list(CreditStatement.objects.filter(customer_id__in=ids, period_end__in=ends))


def _latest(customer_ids: Iterable[int]) -> dict[Of, CreditStatement]:
    rows = CreditStatement.objects.filter(customer_id__in=customer_ids).order_by("period_end")
    return {(row.customer_id, row.currency): row for row in rows}


def _check(draft: StatementDraft, before: CreditStatement | None, at: datetime) -> None:
    if midnight(draft.period.end) > at:
        raise StatementError(f"{draft.period} has not ended at {at}")
    if before is not None and before.period_end >= draft.period.end:
        raise StatementError(f"{draft.period} ends before {before}, which is stated already")


def _statement(
    draft: StatementDraft, before: CreditStatement | None, ledger: tuple[int, str], at: datetime
) -> CreditStatement:
    sequence, head = ledger
    upto = Cut(midnight(draft.period.end), sequence)
    begins = midnight(draft.period.start)
    opening = before.closing if before else balance_before(draft.customer_id, draft.currency, begins)
    since = before.cut if before else begins
    movements = stated_movements(draft.customer_id, draft.currency, upto, since=since)
    return CreditStatement(
        customer_id=draft.customer_id,
        currency=draft.currency,
        period_start=draft.period.start,
        period_end=draft.period.end,
        previous=before,
        opening=opening,
        closing=opening + sum(movement.amount for movement in movements),
        first_sequence=min((movement.sequence for movement in movements), default=None),
        last_sequence=sequence,
        ledger_head=head,
        created_at=at,
    )


def _tell(made: Sequence[CreditStatement], to: dict[int, list[str]], at: datetime, actor: User | None) -> None:
    queue_notices([stated(row, to.get(row.customer_id, [])) for row in made], at=at)
    record_all(
        at=at,
        actor=actor,
        action="issue_statements",
        entries=[
            (
                row.customer_id,
                f"statement:{row.pk}",
                {},
                {"period_end": row.period_end.isoformat(), "currency": row.currency, "closing": row.closing},
            )
            for row in made
        ],
    )
