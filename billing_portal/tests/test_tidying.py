from datetime import timedelta

from django.contrib.sessions.models import Session

from billing_portal.models import Run, RunKind
from billing_portal.tidying import tidy

DAY = timedelta(days=1)


def test_it_forgets_sessions_that_are_over_and_leaves_the_others(db, at):
    Session.objects.create(session_key="over", session_data="", expire_date=at - DAY)
    Session.objects.create(session_key="open", session_data="", expire_date=at + DAY)

    assert tidy(at=at) == 1
    assert Session.objects.get().session_key == "open"
    assert tidy(at=at) == 0


def test_it_forgets_the_jobs_of_each_minute_and_keeps_the_runs(db, at):
    for kind in (RunKind.COLLECT, RunKind.BILLING):
        Run.objects.create(kind=kind, at=at, started_at=at - 31 * DAY, ended_at=at - 31 * DAY)

    assert tidy(at=at) == 1
    assert Run.objects.get().kind == RunKind.BILLING
