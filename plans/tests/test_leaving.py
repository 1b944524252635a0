"""«Why are you leaving?»: asked after «Confirm Downgrade», never before, and answered once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import AuditEntry
from core.clock import travel_to
from invoices.tests.test_races import at_once
from plans.exceptions import NotCancelledError
from plans.models import ChangeQuote, QuoteKind
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.tell_why_left import tell_why_left

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
ASKED = "Why are you leaving?"


@pytest.fixture(autouse=True)
def _now():
    with travel_to(LATER):
        yield


@pytest.fixture
def quote(plus, customer, alice):
    return make_quote(customer=customer, kind=QuoteKind.CANCEL, at=LATER, actor=alice)


@pytest.fixture
def left(quote, alice):
    return cancel_subscription(quote=quote, at=LATER, actor=alice)


def page_of(quote):
    return reverse("plan_cancel_reason", args=[quote.public_id])


def tell(quote, alice, reason="unused", words="", at=LATER):
    return tell_why_left(quote=quote, reason=reason, words=words, at=at, actor=alice)


# --- the verb --------------------------------------------------------------------------------------------------------
def test_it_keeps_the_first_answer_with_who_gave_it(left, customer, alice):
    tell(left, alice, "unused", "The project has ended.")
    again = tell(left, alice, "other", at=LATER + timedelta(days=1))
    assert (again.leaving_reason, again.leaving_words) == ("unused", "The project has ended.")
    assert again.reason_at == LATER
    entry = AuditEntry.objects.get(action="tell_why_left")
    assert (entry.actor, entry.customer) == (alice, customer)
    assert entry.after == {"reason": "unused", "words": "The project has ended."}


def test_it_is_no_question_before_anybody_has_left(quote, alice):
    with pytest.raises(NotCancelledError):
        tell(quote, alice)


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_are_one(left, alice):
    answers = at_once(lambda: tell(left, alice, "unused"), lambda: tell(left, alice, "other"))
    assert len({each.leaving_reason for each in answers}) == 1
    assert AuditEntry.objects.filter(action="tell_why_left").count() == 1


@pytest.mark.parametrize(
    "values", [{"leaving_reason": "bored", "reason_at": LATER}, {"leaving_reason": "unused"}, {"leaving_words": "x"}]
)
def test_the_database_refuses_what_is_no_answer(left, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChangeQuote.objects.filter(pk=left.pk).update(**values)


def test_the_database_refuses_a_reason_where_nobody_has_left(quote):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChangeQuote.objects.filter(pk=quote.pk).update(leaving_reason="unused", reason_at=LATER)


# --- the pages -------------------------------------------------------------------------------------------------------
def test_it_asks_on_the_page_that_says_it_is_done_and_nowhere_before(quote, alice, log_in):
    client = log_in(alice)
    assert ASKED not in client.get(reverse("plan_cancel")).text
    assert ASKED not in client.get(reverse("billing_overview"), {"left": quote.public_id}).text
    done = client.post(reverse("plan_cancel"), {"quote": quote.public_id}, follow=True)
    assert ASKED in done.text
    assert f'action="{page_of(quote)}"' in done.text
    assert ASKED not in client.get(reverse("billing_overview")).text


def test_an_answer_leads_back_and_is_asked_for_no_more(left, alice, log_in):
    client = log_in(alice)
    done = client.post(page_of(left), {"reason": "too_expensive", "words": " We are few. "}, follow=True)
    assert done.redirect_chain == [(reverse("billing_overview"), 303)]
    assert "Thank you. We read every answer." in done.text
    left.refresh_from_db()
    assert (left.leaving_reason, left.leaving_words) == ("too_expensive", "We are few.")
    assert ASKED not in client.get(reverse("billing_overview"), {"left": left.public_id}).text
    assert client.get(page_of(left))["Location"] == reverse("billing_overview")


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, "Choose a reason, or write a few words."),
        ({"reason": "bored"}, "Select a valid choice."),
        ({"words": "x" * 2_001}, "at most 2000 characters"),
    ],
)
def test_what_is_no_answer_is_asked_again_with_everything_typed(left, alice, log_in, values, error, headers):
    response = log_in(alice).post(page_of(left), values, headers=headers)
    assert response.status_code == 422
    assert error in response.text
    assert values.get("words", "") in response.text
    left.refresh_from_db()
    assert left.reason_at is None


def test_its_own_page_asks_too(left, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    with django_assert_max_num_queries(4):
        page = client.get(page_of(left))
    assert (page.status_code, "Meridian Plus has ended." in page.text) == (200, True)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("who", "status"), [("charlie", 404), ("bob", 403), ("dora", 403)])
def test_it_is_asked_of_nobody_else(left, other_customer, request, log_in, method, who, status):
    client = log_in(request.getfixturevalue(who))
    assert getattr(client, method)(page_of(left), {"reason": "unused"}).status_code == status
    assert ASKED not in client.get(reverse("billing_overview"), {"left": left.public_id}).text
    left.refresh_from_db()
    assert left.reason_at is None


def test_it_is_not_found_before_anybody_has_left(quote, alice, log_in, client):
    assert log_in(alice).get(page_of(quote)).status_code == 404
    assert log_in(alice).get(reverse("plan_cancel_reason", args=["quo_unknown"])).status_code == 404
    client.logout()
    assert "/accounts/login/" in client.get(page_of(quote))["Location"]
