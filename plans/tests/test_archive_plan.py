"""A published plan that nobody should choose any more."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from plans.exceptions import DefaultPlanError, PlanNotFoundError
from plans.models import PlanStatus, Subscription
from plans.selectors import catalogue as published
from plans.services.archive_plan import archive_plan
from plans.services.copy_plan import copy_plan
from plans.services.schedule_change import schedule_change

pytestmark = pytest.mark.django_db


def archive(plan, at, actor=None):
    return archive_plan(plan_id=plan.pk, at=at, actor=actor, reason="Not sold any more")


def test_nobody_chooses_it_and_who_is_on_it_stays(plus, customer, catalogue, clerk, at):
    for _ in range(2):
        assert archive(catalogue.plus, at, clerk).status == PlanStatus.ARCHIVED
    assert catalogue.plus not in published()
    assert Subscription.objects.open().get(customer=customer).plan == catalogue.plus
    entry = AuditEntry.objects.get(action="archive_plan")
    assert (entry.actor, entry.reason, entry.before) == (clerk, "Not sold any more", {"status": "published"})


def test_staff_put_nobody_on_it(free, customer, catalogue, at):
    archive(catalogue.plus, at)
    with pytest.raises(PlanNotFoundError):
        schedule_change(
            customer_id=customer.pk, plan=archive(catalogue.plus, at), when="now", at=at, actor=None, reason="x"
        )


def test_it_keeps_the_plan_customers_begin_on_and_drafts(catalogue, at):
    with pytest.raises(DefaultPlanError):
        archive(catalogue.free, at)
    with pytest.raises(PlanNotFoundError):
        archive(copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None), at)


def test_it_archives_by_the_page_with_a_reason(as_clerk, plus, catalogue, django_assert_max_num_queries):
    url = reverse("admin:plans_plan_archive", args=[catalogue.plus.pk])
    with django_assert_max_num_queries(15):
        page = as_clerk.get(url).text
    assert "1: they stay on it and are billed as before" in page
    assert url in as_clerk.get(reverse("admin:plans_plan_change", args=[catalogue.plus.pk])).text
    assert as_clerk.post(url, {"reason": ""}).status_code == 422
    assert as_clerk.post(url, {"reason": "Not sold any more"}).status_code == 302
    catalogue.plus.refresh_from_db()
    assert catalogue.plus.status == PlanStatus.ARCHIVED


def test_the_default_plan_is_not_archived_by_the_page_either(as_clerk, catalogue):
    url = reverse("admin:plans_plan_archive", args=[catalogue.free.pk])
    assert as_clerk.post(url, {"reason": "x"}).status_code == 409
    assert url not in as_clerk.get(reverse("admin:plans_plan_change", args=[catalogue.free.pk])).text


@pytest.mark.parametrize(("person", "status"), [("supporter", 403), ("cataloger", 200), ("alice", 302)])
def test_it_is_for_who_keeps_the_catalogue(person, status, catalogue, request, log_in):
    client = log_in(request.getfixturevalue(person))
    assert client.get(reverse("admin:plans_plan_archive", args=[catalogue.plus.pk])).status_code == status
