from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from billing_portal.models import Run, RunKind, Trigger


@transaction.atomic
def want_check(*, key: str, at: datetime, actor: User) -> Run:
    """Ask for a check of the books: a row that waits for a worker (`do_wanted`). While one waits there is no other,
    whoever asked; `key` is the form's, so that twice is once."""
    asked = Run(key=key, kind=RunKind.BOOKS, trigger=Trigger.PERSON, actor=actor, wanted_at=at)
    found = Run.objects.filter(key=key).first() or _waiting()
    if found is not None:
        return found
    Run.objects.bulk_create([asked], ignore_conflicts=True)  # somebody else may ask in this instant
    run = Run.objects.filter(key=key).first()
    if run is None:
        return _waiting() or Run.objects.filter(kind=RunKind.BOOKS).latest("pk")
    record(at=at, actor=actor, customer_id=None, action="want_check", subject=f"run:{run.pk}")
    return run


def _waiting() -> Run | None:
    return Run.objects.waiting().filter(kind=RunKind.BOOKS).first()
