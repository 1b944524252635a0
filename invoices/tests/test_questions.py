"""«Ask about this charge»: stored first, mailed after; asked once, answered once."""

from datetime import timedelta

import pytest

from accounts.mail import message, write_notice
from accounts.models import AuditEntry, Notice
from core.clock import travel_to
from invoices.exceptions import TooManyQuestionsError
from invoices.models import AskedAbout, ChargeQuestion
from invoices.services.ask_about_charge import DAILY_LIMIT, ask_about_charge
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
