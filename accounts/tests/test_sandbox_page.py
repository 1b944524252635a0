"""The sandbox processor's card page: what it takes, what it refuses, and that a number stays nowhere."""

import logging

import pytest
from django.test import Client
from django.urls import reverse

from accounts import forms
from accounts.gateways.sandbox import TEST_CARDS
from accounts.models import PaymentMethod, SandboxSession
from accounts.tests.cards import DECLINES, MASTERCARD, REFUSED, VISA, typed, visit
from core.clock import travel_to

REAL_LOOKING = "4111111111111111"


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


def text_of(answer):
    return answer.content.decode()


@pytest.fixture
def card_page(log_in, alice, customer, at):
    """alice's client and the address of a card page that she has opened."""
    setup = visit(customer, alice, at)
    return log_in(alice), reverse("sandbox_card", args=[setup.gateway_id])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"number": REAL_LOOKING}, "Only the published test cards work here."),
        ({"number": ""}, "This field is required."),
        ({"number": REFUSED}, "The card was declined."),
        ({"expiry": "09 / 26"}, "This card has expired."),
        ({"expiry": "13 / 30"}, "Use month and year"),
        ({"expiry": "soon"}, "Use month and year"),
        ({"cvc": "12"}, "Use the 3 or 4 digits"),
    ],
)
def test_it_refuses_a_card_and_says_why(values, words, card_page):
    client, url = card_page
    answer = client.post(url, typed(**values))

    assert answer.status_code == 422
    assert "There is a problem" in text_of(answer)
    assert words in text_of(answer)
    assert not SandboxSession.objects.exclude(token="").exists()


@pytest.mark.parametrize("expiry", ["10/26", "10 / 2026", "1026", "4/30"])
def test_it_takes_a_card_to_the_end_of_its_month(expiry, card_page):
    client, url = card_page

    assert client.post(url, typed(expiry=expiry)).status_code == 303


@pytest.mark.parametrize("number", [REAL_LOOKING, "4111 1111-1111 1111", "4242424242424242x", REFUSED])
def test_it_never_sends_stores_or_logs_a_number(number, card_page, caplog):
    client, url = card_page
    with caplog.at_level(logging.DEBUG):
        answer = client.post(url, typed(number, cvc="987"))

    form = text_of(answer).partition("<form")[2].partition("</form>")[0]
    assert number not in form
    assert "987" not in form
    assert number not in caplog.text
    assert number not in str(dict(client.session))
    assert number not in str(list(SandboxSession.objects.values()))


@pytest.mark.parametrize("number", [VISA, MASTERCARD, DECLINES])
def test_it_keeps_no_more_of_a_good_number_than_four_digits(number, card_page, caplog):
    client, url = card_page
    with caplog.at_level(logging.DEBUG):
        client.get(client.post(url, typed(number)).url)

    rows = str(list(SandboxSession.objects.values()) + list(PaymentMethod.objects.values()))
    assert number[-4:] in rows
    assert number not in rows
    assert number[:12] not in rows
    assert number not in caplog.text


def test_it_keeps_a_number_out_of_error_reports(card_page, monkeypatch, settings):
    def fail(form):
        raise RuntimeError("the page broke")

    monkeypatch.setattr(forms.SandboxCardForm, "clean_expiry", fail)
    settings.ADMINS = [("Operators", "operators@example.com")]
    client, url = card_page
    client.raise_request_exception = False
    reports = []
    monkeypatch.setattr("django.utils.log.AdminEmailHandler.send_mail", lambda *args, **kw: reports.append((args, kw)))

    answer = client.post(url, typed(REAL_LOOKING))

    assert answer.status_code == 500
    assert "the page broke" in str(reports)
    assert REAL_LOOKING not in str(reports)
    assert REAL_LOOKING not in text_of(answer)


def test_it_says_that_it_is_not_the_portal(card_page):
    client, url = card_page
    answer = client.get(url)

    assert "This is a sandbox." in text_of(answer)
    assert "<nav" not in text_of(answer)
    for number, card in TEST_CARDS.items():
        assert number[-4:] in text_of(answer)
        assert card.meaning in text_of(answer)


def test_it_opens_a_card_page_only_to_who_asked_for_it(card_page, log_in, bob, charlie):
    _, url = card_page

    assert log_in(charlie).get(url).status_code == 404
    assert log_in(bob).post(url, typed()).status_code == 404
    assert Client().get(url).status_code == 302
    assert not SandboxSession.objects.exclude(token="").exists()


def test_it_forgets_the_number_after_checking_it(at):
    form = forms.SandboxCardForm(typed(), on=at.date())

    assert form.is_valid()
    assert VISA not in str(form.cleaned_data)
    assert form.cleaned_data["last4"] == "4242"
