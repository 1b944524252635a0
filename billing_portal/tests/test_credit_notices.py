"""Whom the schedule tells about their credit, and when."""

from datetime import timedelta

import pytest

from accounts.models import Notice
from billing_portal import tasks
from billing_portal.billing_run import dry_run, run_billing
from core import clock
from credits.tests.cast import DAY, grant, use

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
