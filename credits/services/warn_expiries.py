"""Credit that is unused shortly before it goes: the customer is told in time, once per grant and term."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Greatest

from accounts.notices import NoticeDraft
from accounts.selectors import present_in_sql, recipients
from accounts.services.queue_notices import queue_notices
from core.due import only
from core.questions import Given, Question
from credits.emails import expiring
from credits.models import CreditGrant
from usage.selectors import feature_names

TERMS = (7, 30)  # days before, the shorter first: who is told late is told once


@transaction.atomic
def warn_expiries(*, at: datetime, limit: int = 500, customer_id: int | None = None) -> int:
    """Tell about credit that expires within a term and is not told yet, on the customer's own clock; how many grants.
    With `customer_id` of that customer alone.

    Credit that was given for no longer than a term is not told about in it. Asking again tells nobody twice.
    """
    return sum(_warn(days, at, limit, customer_id) for days in TERMS)


def _warn(days: int, at: datetime, limit: int, customer_id: int | None) -> int:
    term = timedelta(days=days)
    if not _is_due.ask(days=days, term=term, at=at, customer_id=customer_id):
        return 0
    due = _due(days, term, at, customer_id).order_by("expires_at", "pk").select_related("customer")
    grants = list(due.select_for_update(of=("self",), skip_locked=True)[:limit])
    if grants:
        to, names = recipients([grant.customer_id for grant in grants]), feature_names()
        queue_notices([_notice(grant, days, names, to.get(grant.customer_id, [])) for grant in grants], at=at)
        CreditGrant.objects.filter(pk__in=[grant.pk for grant in grants]).update(warned_days=days)
    return len(grants)


@Question
def _is_due(days: Given, term: Given, at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    return _due(days, term, at, customer_id).values_list("pk")[:1]


def _due(
    days: int | Given, term: timedelta | Given, at: datetime | Given, customer_id: int | Given | None
) -> "QuerySet[CreditGrant]":
    rows = CreditGrant.objects.filter(**only(customer_id)).annotate(
        told_from=ExpressionWrapper(F("expires_at") - term, output_field=DateTimeField()),
        present=present_in_sql(at),
        given=Greatest("effective_at", "created_at"),
    )
    untold = Q(warned_days__isnull=True) | Q(warned_days__gt=days)
    in_term = Q(told_from__lte=F("present"), expires_at__gt=F("present"), told_from__gt=F("given"))
    return rows.filter(untold, in_term, available__gt=0)


def _notice(grant: CreditGrant, days: int, names: dict[str, str], to: list[str]) -> NoticeDraft:
    features = [names.get(key, key) for key in grant.features]
    return expiring(grant, customer=grant.customer.name, days=days, features=features, to=to)
