"""Mail about somebody's own account: allauth's, in the frame of every message, as text and as HTML."""

import re
from collections.abc import Mapping
from html import unescape

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db

NEWCOMER = {"company_name": "Newcomer Inc", "email": "nina@example.com", "password1": "a-long-pass-phrase"}
SIGN_UP, RESET = "/accounts/signup/", "/accounts/password/reset/"
MESSAGES: list[tuple[str, Mapping[str, str], str, str]] = [
    (SIGN_UP, NEWCOMER, "Confirm your e-mail address", "this address was given to open an account for Meridian."),
    (SIGN_UP, NEWCOMER | {"email": "alice@example.com"}, "You have an account already", "so nothing was changed."),
    (RESET, {"email": "alice@example.com"}, "Choose a new password", "for your Meridian account."),
    (RESET, {"email": "nobody@example.com"}, "There is no account with this address", "There is no account with it."),
]


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> None:
    """Attempts and mails are counted in the cache, which outlives a test."""
    cache.clear()


def in_words(html: str) -> str:
    return unescape(" ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.S).split()))


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(("page", "values", "subject", "says"), MESSAGES, ids=[each[2] for each in MESSAGES])
def test_text_and_html_say_the_same_and_lead_to_the_same_page(
    client: Client, alice: User, page: str, values: Mapping[str, str], subject: str, says: str
) -> None:
    client.post(page, values)
    [message] = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    [(html, kind)] = message.alternatives
    text, words = " ".join(str(message.body).split()), in_words(str(html))

    assert (message.subject, kind, message.reply_to) == (subject, "text/html", ["billing@example.com"])
    assert says in text
    assert says in words
    assert words.count(subject) >= 1
    assert "it is about your account" in words
    links = re.findall(r"http://testserver\S+", text)
    assert links
    assert links == re.findall(r'href="(http://testserver[^"]+)"', unescape(str(html)))
    assert "{" not in words


@pytest.mark.usefixtures("catalogue")
def test_it_is_written_in_the_language_of_who_asks(client: Client) -> None:
    client.cookies["django_language"] = "de"
    client.post(SIGN_UP, NEWCOMER)
    [message] = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    html = str(message.alternatives[0][0])
    assert '<html lang="de">' in html
    assert "mit dieser Adresse wurde ein Konto" in in_words(html)
