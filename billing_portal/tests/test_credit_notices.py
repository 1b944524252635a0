"""Whom the schedule tells about their credit, and when."""

from datetime import timedelta

import pytest

from accounts.models import Notice
from billing_portal import tasks
from billing_portal.billing_run import dry_run, run_billing
from billing_portal.tests.people import on_free, on_plus
from core import clock
from credits.tests.cast import DAY, grant, use
from plans.tests.test_credits_only import subscribed
from plans.tests.test_settle_usage import credits_plan

TEMPLATES = ("credits_expiring", "credits_low")


@pytest.fixture
def low(customer, catalogue, seller, at):
    """9.00 of 10.00 is used, and the rest expires in a month and a bit."""
    grant(customer, 1_000, at, expires_at=at + 40 * DAY)
    use(customer, 900, at)
    return customer


def told():
    return list(Notice.objects.filter(template__in=TEMPLATES).order_by("template").values_list("template", flat=True))


def test_the_minute_tells_who_runs_low(low, at):
    with clock.travel_to(at + timedelta(minutes=1)):
        tasks.settle_credits()
        tasks.settle_credits()
    assert told() == ["credits_low"]


def test_the_hour_tells_what_expires_and_sends_it_at_once(low, at):
    dry_run(at=at + 11 * DAY)
    assert told() == []
    run_billing(at=at + 11 * DAY)
    assert told() == list(TEMPLATES)
    assert not Notice.objects.filter(sent_at__isnull=True).exists()


@pytest.mark.parametrize(
    ("when_credits_run_out", "what"), [(None, "invoiced"), ("negative", "negative"), ("block", "refused")]
)
def test_it_says_what_the_plan_does_without_credit(customer, alice, catalogue, seller, at, when_credits_run_out, what):
    if when_credits_run_out is None:
        on_plus(customer, alice, catalogue, at)
    else:
        subscribed(customer, credits_plan(at, when_credits_run_out=when_credits_run_out), at)
    grant(customer, 1_000, at)
    use(customer, 900, at)
    run_billing(at=at)
    [notice] = Notice.objects.filter(template="credits_low")
    assert notice.context["then"] == what


def test_free_uses_no_credit_and_so_says_nothing_about_it(customer, alice, catalogue, seller, at):
    on_free(customer, alice, at)
    grant(customer, 1_000, at)
    use(customer, 900, at)
    run_billing(at=at)
    assert Notice.objects.get(template="credits_low").context["then"] == ""
