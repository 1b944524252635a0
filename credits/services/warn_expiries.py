"""Credit that is unused shortly before it goes: the customer is told in time, once per grant and term."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest

from accounts.notices import NoticeDraft
from accounts.selectors import recipients
from accounts.services.queue_notices import queue_notices
from core.due import only
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
    due = _due(days, at).filter(**only(customer_id)).select_related("customer")
    grants = list(due.select_for_update(of=("self",), skip_locked=True)[:limit])
    if grants:
        to, names = recipients([grant.customer_id for grant in grants]), feature_names()
        queue_notices([_notice(grant, days, names, to.get(grant.customer_id, [])) for grant in grants], at=at)
        CreditGrant.objects.filter(pk__in=[grant.pk for grant in grants]).update(warned_days=days)
    return len(grants)


def _due(days: int, at: datetime) -> "QuerySet[CreditGrant]":
    term = timedelta(days=days)
    present = Coalesce(F("customer__clock_at"), Value(at, output_field=DateTimeField()))
    given = Greatest("effective_at", "created_at")
    rows = CreditGrant.objects.annotate(
        told_from=ExpressionWrapper(F("expires_at") - term, output_field=DateTimeField()), present=present, given=given
    )
    untold = Q(warned_days__isnull=True) | Q(warned_days__gt=days)
    in_term = Q(told_from__lte=F("present"), expires_at__gt=F("present"), told_from__gt=F("given"))
    return rows.filter(untold, in_term, available__gt=0).order_by("expires_at", "pk")


def _notice(grant: CreditGrant, days: int, names: dict[str, str], to: list[str]) -> NoticeDraft:
    features = [names.get(key, key) for key in grant.features]
    return expiring(grant, customer=grant.customer.name, days=days, features=features, to=to)
