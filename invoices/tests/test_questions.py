"""«Ask about this charge»: stored first, mailed after; asked once, answered once."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.mail import message, write_notice
from accounts.models import AuditEntry, Notice
from core.clock import travel_to
from invoices.exceptions import TooManyQuestionsError
from invoices.models import ChargeQuestion
from invoices.questions import AskedAbout
from invoices.services.ask_about_charge import DAILY_LIMIT, ask_about_charge
from invoices.services.mark_question_answered import mark_question_answered
from invoices.tests.test_races import at_once

LINE = "subscription:1:usage:ai-tokens:2026-10-20T10:00:00Z/2026-11-17"
WORDS = "Why <b>more</b> & not less?\nWe were away."


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def ask(customer, alice, at):
    """Ask about 7.00 for AI tokens (late usage); words, form, person and time can be changed."""
    charge = AskedAbout(LINE, "AI tokens (late usage)", at, at + timedelta(days=28), 700, "USD")

    def ask(message=WORDS, key="k", actor=alice, later=timedelta(0)):
        return ask_about_charge(
            customer_id=customer.pk, charge=charge, message=message, key=key, at=at + later, actor=actor
        )

    return ask


def mail(template):
    return write_notice(Notice.objects.get(template=template))


def test_it_keeps_the_question_with_the_charge_as_it_stood(ask, customer, alice, at):
    question = ask()
    kept = ChargeQuestion.objects.get()
    assert kept == question
    assert (kept.customer, kept.asked_by, kept.asked_at, kept.message) == (customer, alice, at, WORDS)
    assert (kept.line_key, kept.title, kept.amount, kept.currency) == (LINE, "AI tokens (late usage)", 700, "USD")
    assert (kept.answered_at, kept.answered_by) == (None, None)
    entry = AuditEntry.objects.get(action="ask_about_charge")
    assert (entry.actor, entry.subject, entry.after) == (alice, f"question:{kept.public_id}", {"line": LINE})


def test_billing_is_told_and_answers_the_person(ask, customer, settings):
    settings.BILLING_EMAIL, settings.PORTAL_URL = "billing@example.org", "https://bills.example"
    question = ask()
    notice = Notice.objects.get(template="charge_question")
    written = mail("charge_question")
    assert (notice.to, message(notice).reply_to) == (["billing@example.org"], ["alice@example.com"])
    assert written.subject == f"Question about AI tokens (late… ({question.public_id})"
    for part in (
        "<alice@example.com> of Wonder Ltd asks about a charge.",
        "Charge: AI tokens (late usage), 20 Oct, 10:00 – 17 Nov 2026, 10:00 UTC",
        "Amount when they asked: $7.00",
        f"Line: {LINE}",
        WORDS,
        f"https://bills.example/admin/billing/customers/{customer.key}/explain/{LINE}/",
        f"https://bills.example/admin/invoices/chargequestion/{question.pk}/change/",
    ):
        assert part in written.text, part


def test_the_person_gets_a_copy_in_their_customers_language(ask, customer, settings):
    settings.PORTAL_URL = "https://bills.example"
    customer.billing_profile.language = "de"
    customer.billing_profile.save()
    question = ask()
    assert Notice.objects.get(template="charge_acknowledgement").to == ["alice@example.com"]
    written = mail("charge_acknowledgement")
    assert written.subject == f"Wir haben Ihre Frage erhalten ({question.public_id})"
    for part in (
        "AI tokens (verspäteter Verbrauch)",
        "7,00",
        WORDS,
        f"https://bills.example/settings/billing/explain/{LINE}/",
    ):
        assert part in written.text, part
    assert mail("charge_question").subject.startswith("Question about")  # staff read English


def test_a_form_that_is_sent_twice_asks_once(ask):
    assert ask() == ask(message="Other words", later=timedelta(minutes=1))
    assert ChargeQuestion.objects.get().message == WORDS
    assert Notice.objects.filter(template__startswith="charge_").count() == 2
    assert AuditEntry.objects.filter(action="ask_about_charge").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_of_the_same_form_at_once_ask_once(ask):
    first, second = at_once(ask, ask)
    assert first == second
    assert ChargeQuestion.objects.count() == 1


def test_it_stops_a_flood_until_the_next_day(ask):
    for number in range(DAILY_LIMIT):
        ask(key=f"k{number}")
    with pytest.raises(TooManyQuestionsError):
        ask(key="one more")
    assert ask(key="k0") == ChargeQuestion.objects.earliest("pk")  # what was asked is still the first answer
    assert ask(key="one more", later=timedelta(days=1, seconds=1))


# --- answered --------------------------------------------------------------------------------------------------------
def staff_page_of(question, page="change"):
    return reverse(f"admin:invoices_chargequestion_{page}", args=[question.pk])


def test_answered_twice_is_answered_once_and_the_words_stay(ask, clerk, supporter, at):
    question = ask()
    for actor in (clerk, supporter):
        mark_question_answered(question_id=question.pk, at=at, actor=actor)
    kept = ChargeQuestion.objects.get()
    assert (kept.answered_at, kept.answered_by, kept.message) == (at, clerk, WORDS)
    assert AuditEntry.objects.get(action="mark_question_answered").actor == clerk
    assert Notice.objects.filter(template__startswith="charge_").count() == 2


def test_staff_see_the_open_ones_first_and_mark_them(ask, customer, clerk, as_clerk, at):
    old, new, answered = (ask(key=key) for key in ("1", "2", "3"))
    mark_question_answered(question_id=answered.pk, at=at, actor=clerk)
    listed = as_clerk.get(reverse("admin:invoices_chargequestion_changelist"))
    assert list(listed.context["cl"].result_list) == [new, old, answered]
    index = as_clerk.get(reverse("admin:index")).text
    assert [staff_page_of(one) in index for one in (old, new, answered)] == [True, True, False]
    page = as_clerk.get(staff_page_of(old)).text
    for url in (
        reverse("admin:customer", args=[customer.key]), reverse("admin:customer_explain", args=[customer.key, LINE]),
    ):  # fmt: skip
        assert f'href="{url}"' in page
    assert "Mark as answered" in page
    for _twice in range(2):
        sent = as_clerk.post(staff_page_of(old, "answered"))
        assert (sent.status_code, sent["Location"]) == (303, staff_page_of(old))
    assert "Mark as answered" not in as_clerk.get(staff_page_of(old)).text
    assert as_clerk.get(staff_page_of(old).replace(str(old.pk), "999")).status_code == 404


@pytest.mark.parametrize(
    ("person", "reads", "marks"),
    [("supporter", 200, 303), ("auditor", 200, 403), ("cataloger", 403, 403), ("trainee", 403, 403)],
)
def test_support_marks_and_readers_look(person, reads, marks, ask, log_in, request):
    question, client = ask(), log_in(request.getfixturevalue(person))
    assert client.get(staff_page_of(question)).status_code == reads
    assert client.post(staff_page_of(question, "answered")).status_code == marks
    assert bool(ChargeQuestion.objects.get().answered_at) == (marks == 303)
