"""A question that is compiled once answers for whatever values it is asked with, and is asked in one query."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from accounts.models import Customer
from accounts.selectors import present_in_sql
from core.due import Due, only
from core.questions import Question
from invoices.due import due_to_finalize
from invoices.models import Invoice
from invoices.tests.cast import calculated

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def drafts(customer, other_customer, seller):
    return calculated(customer, 100), calculated(other_customer, 200)


def midnight(draft):
    return datetime.combine(draft.billing_on, datetime.min.time(), UTC)


def test_each_instant_and_each_customer_has_its_own_answer(drafts, django_assert_num_queries):
    mine, other = drafts
    day = midnight(mine)
    due = [Due(draft.pk, draft.customer_id, day) for draft in drafts]
    for _ in range(2):
        with django_assert_num_queries(4):
            assert due_to_finalize(day) == due
            assert due_to_finalize(day - DAY) == []
            assert due_to_finalize(day, mine.customer_id) == due[:1]
            assert due_to_finalize(day, other.customer_id) == due[1:]


def test_a_customers_own_clock_counts(drafts):
    mine, _other = drafts
    day = midnight(mine)
    assert due_to_finalize(day - DAY) == []
    Customer.objects.filter(pk=mine.customer_id).update(clock_at=day + DAY)
    assert due_to_finalize(day - DAY) == [Due(mine.pk, mine.customer_id, day + DAY)]


@pytest.mark.parametrize("days", [0, 1, 3])
def test_it_asks_with_numbers_instants_and_spans_what_its_rows_would(days, drafts):
    def rows(at, span, customer_id):
        drafts = Invoice.objects.filter(**only(customer_id)).annotate(present=present_in_sql(at))
        late = drafts.annotate(then=F("present") - span).filter(calculated_at__lte=F("then"))
        return late.order_by("pk").values_list("pk", "customer_id", "then", "number")

    question = Question(rows)
    for customer_id in (None, drafts[1].customer_id):
        for ago in (0, 2, 4):
            values = {"at": drafts[0].calculated_at + ago * DAY, "span": days * DAY, "customer_id": customer_id}
            assert question.ask(**values) == list(rows(**values))
    assert len(question.compiled) == 2
