"""«Ask about this charge»: a form that knows which charge, for everybody who sees it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from accounts.models import Notice
from billing_portal.billing_run import run_billing
from billing_portal.tests.people import on_free
from billing_portal.tests.test_explain import CALCULATED_AT, FEE, MIDDLE, TOKENS
from billing_portal.tests.test_explain import key as key  # the addresses of the lines
from core import clock, formats
from invoices.models import ChargeQuestion, InvoiceLine
from invoices.services import ask_about_charge
from invoices.services.mark_question_answered import mark_question_answered

FORM_KEY = "0123456789abcdef" * 2
HTMX = {"HX-Request": "true"}
WORDS = "Why is this more than in September?"
SENT = {"key": FORM_KEY, "message": WORDS}


def ask_url(line):
    return reverse("charge_ask", args=[line])


def text(response):
    return " ".join(unescape(response.content.decode()).split())


def page_of(question):
    return reverse("charge_asked", args=[question.public_id])


def test_the_explanation_leads_there_and_writes_no_mail_itself(key, alice, log_in):
    shown = log_in(alice).get(reverse("billing_explain", args=[key(TOKENS)])).text
    assert (
        f'<p class="no-print">Not what you expected? <a href="{ask_url(key(TOKENS))}">Ask about this charge</a>'
        in shown
    )
    assert "mailto:" not in re.sub(r"(?s)<footer.*?</footer>", "", shown)


def test_it_says_what_it_is_about_and_asks_one_thing(key, alice, log_in):
    shown = text(log_in(alice).get(ask_url(key(TOKENS))))
    for part in ("AI tokens", "20 Oct, 10:00 – 16 Nov 2026 UTC", "So far, before tax", "$7.00", key(TOKENS)):
        assert part in shown, part
    assert f'href="{reverse("billing_explain", args=[key(TOKENS)])}"' in shown
    form = shown.partition("<h1>")[2].partition("</main>")[0]
    assert re.findall(r'<(?:textarea|select|input)[^>]* name="(\w+)"', form) == [
        "csrfmiddlewaretoken", "for_customer", "key", "message",
    ]  # fmt: skip


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_it_is_asked_once_and_then_shown(headers, key, customer, alice, log_in):
    client = log_in(alice)
    first, second = (client.post(ask_url(key(TOKENS)), SENT, headers=headers) for _ in range(2))
    made = ChargeQuestion.objects.get()
    assert (first.status_code, first["Location"], second["Location"]) == (303, page_of(made), page_of(made))
    assert (made.customer, made.line_key, made.title, made.message) == (customer, key(TOKENS), "AI tokens", WORDS)
    assert (made.amount, made.currency, made.asked_at, made.asked_by) == (700, "USD", MIDDLE, alice)
    shown = text(client.get(page_of(made)))
    for part in (made.public_id, "alice@example.com", WORDS, "$7.00", ask_url(key(TOKENS)).removesuffix("ask/")):
        assert part in shown, part
    sent = dict(Notice.objects.filter(template__startswith="charge_").values_list("template", "to"))
    assert sent == {"charge_question": ["billing@example.com"], "charge_acknowledgement": ["alice@example.com"]}


def test_a_viewer_asks_and_a_member_is_refused(key, bob, dora, log_in):
    viewer, member = log_in(bob), log_in(dora)
    assert viewer.get(ask_url(key(FEE))).status_code == 200
    asked = viewer.post(ask_url(key(FEE)), SENT, follow=True)
    made = ChargeQuestion.objects.get()
    assert (asked.status_code, made.asked_by) == (200, bob)
    for refused in (member.get(ask_url(key(FEE))), member.post(ask_url(key(FEE)), SENT), member.get(page_of(made))):
        assert (refused.status_code, "Alice" in text(refused)) == (403, True)
    assert ChargeQuestion.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_stranger_finds_nothing(headers, key, alice, charlie, other_customer, at, log_in):
    log_in(alice).post(ask_url(key(TOKENS)), SENT)
    on_free(other_customer, charlie, at)
    stranger, line = log_in(charlie), ask_url(key(TOKENS))
    for answer in (
        stranger.get(line, headers=headers),
        stranger.post(line, SENT, headers=headers),
        stranger.get(page_of(ChargeQuestion.objects.get()), headers=headers),
    ):
        assert answer.status_code == 404
    assert ChargeQuestion.objects.count() == 1


@pytest.mark.parametrize("line", ["nothing", "subscription:0:usage:x:y", "a\x00b", "x" * 5_000])
def test_there_is_nothing_to_ask_about_another_line(line, key, alice, log_in):
    assert log_in(alice).post(ask_url(line), SENT).status_code == 404


def test_nobody_asks_without_logging_in(key, client):
    for url in (ask_url(key(TOKENS)), reverse("charge_asked", args=["que_1"])):
        assert client.get(url)["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("wrong", [{"message": " "}, {"message": "x" * 5_001}, {"key": "guessed"}])
def test_it_says_what_is_missing_and_loses_nothing(headers, wrong, key, alice, log_in):
    answer = log_in(alice).post(ask_url(key(TOKENS)), SENT | wrong, headers=headers)
    assert (answer.status_code, "There is a problem" in answer.text) == (422, True)
    assert ('href="#id_message"' in answer.text) == ("message" in wrong)
    assert (SENT | wrong)["message"] in answer.text
    assert not ChargeQuestion.objects.exists()


def test_after_many_in_a_day_the_words_stay_in_the_form(key, alice, log_in, monkeypatch):
    monkeypatch.setattr(ask_about_charge, "DAILY_LIMIT", 1)
    client = log_in(alice)
    client.post(ask_url(key(TOKENS)), SENT)
    answer = client.post(ask_url(key(TOKENS)), {"key": "f" * 32, "message": "One more"})
    assert answer.status_code == 429
    for words in ("You have sent many questions today already.", "One more"):
        assert words in answer.text


@pytest.mark.django_db(transaction=True)
def test_a_line_of_an_invoice_is_asked_about_as_an_upcoming_one(key, alice, log_in):
    run_billing(at=CALCULATED_AT)
    assert InvoiceLine.objects.filter(key=key(FEE)).exists()
    with clock.travel_to(CALCULATED_AT + timedelta(hours=1)):
        client = log_in(alice)
        assert "Amount, before tax" in client.get(ask_url(key(FEE))).text
        assert client.post(ask_url(key(FEE)), SENT).status_code == 303
    assert ChargeQuestion.objects.get().amount == 4_900


def test_it_says_when_it_was_answered(key, alice, clerk, log_in):
    client = log_in(alice)
    client.post(ask_url(key(TOKENS)), SENT)
    asked = ChargeQuestion.objects.get()
    assert "We answer by e-mail." in text(client.get(page_of(asked)))
    mark_question_answered(question_id=asked.pk, at=MIDDLE + timedelta(days=1), actor=clerk)
    shown = text(client.get(page_of(asked)))
    assert "<h1>We answered your question</h1>" in shown
    assert f"{formats.instant(MIDDLE + timedelta(days=1))}</time>. If something is still unclear, reply" in shown
    assert "We answer by e-mail." not in shown


@pytest.mark.django_db(transaction=True)
def test_it_is_asked_in_german(key, alice, clerk, log_in):
    client, german = log_in(alice), {"Accept-Language": "de"}
    shown = text(client.get(ask_url(key(TOKENS)), headers=german))
    assert "Zu diesem Entgelt fragen" in shown
    wrong = client.post(ask_url(key(TOKENS)), SENT | {"message": ""}, headers=german)
    assert (wrong.status_code, "Es gibt ein Problem" in text(wrong)) == (422, True)
    client.post(ask_url(key(TOKENS)), SENT, headers=german)
    made = ChargeQuestion.objects.get()
    assert made.title == "AI tokens"  # what is kept is English
    assert "Wir antworten per E-Mail." in text(client.get(page_of(made), headers=german))
    mark_question_answered(question_id=made.pk, at=MIDDLE, actor=clerk)
    assert "Wir haben Ihre Frage beantwortet" in text(client.get(page_of(made), headers=german))


def test_it_asks_the_database_little(key, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    client.post(ask_url(key(TOKENS)), SENT)
    with django_assert_max_num_queries(15):
        assert client.get(ask_url(key(TOKENS))).status_code == 200
    with django_assert_max_num_queries(6):
        assert client.get(page_of(ChargeQuestion.objects.get())).status_code == 200
