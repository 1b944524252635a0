"""Whoever confirms a price sees it in another language than whoever asked for it: it is the same price."""

from datetime import UTC, datetime, timedelta

import pytest

from billing_portal.tests.people import on_plus
from core.language import override
from plans.models import QuoteKind
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.tests.conftest import new_plan, send, tokens_card

pytestmark = pytest.mark.django_db(transaction=True)

BEGIN = datetime(2026, 10, 20, 10, tzinfo=UTC)
LATER = BEGIN + timedelta(days=10)


def test_a_quote_is_the_same_in_either_language_and_can_be_confirmed_in_the_other(customer, alice, seller, catalogue):
    on_plus(customer, alice, catalogue, BEGIN)
    send(customer, BEGIN + timedelta(days=1), tokens=220_000)
    pro = new_plan("pro", cards=[tokens_card("0.001")], at=BEGIN)
    quotes = []
    for language in ("de", "en"):
        with override(language):
            quotes.append(make_quote(customer=customer, kind=QuoteKind.CHANGE, plan=pro, at=LATER, actor=alice))

    german, english = quotes
    assert english.lines
    assert (german.lines, german.taxes, german.total) == (english.lines, english.taxes, english.total)
    with override("en"):
        change_plan(quote=german, at=LATER + timedelta(minutes=1), actor=alice)
