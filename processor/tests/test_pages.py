"""The card page and the page of the bank: what they take, what they refuse, and that a number stays nowhere."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import travel_to
from processor.cards import CARDS
from processor.tests.conftest import VISA

REAL_LOOKING = "4111111111111111"
REFUSED = "4000000000000002"
AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _today():
    with travel_to(AT):
        yield


@pytest.fixture
def url(api):
    return api.session()["url"]


def typed(number=VISA, **values):
    return {"number": number, "expiry": "04 / 30", "cvc": "123", **values}


def text_of(answer):
    return answer.body.decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"number": REAL_LOOKING}, "Only the published test cards work here."),
        ({"number": ""}, "This field is required."),
        ({"number": REFUSED}, "The card was declined."),
        ({"expiry": "09 / 26"}, "This card has expired."),
        ({"expiry": "13 / 30"}, "Use month and year"),
        ({"expiry": "soon"}, "Use month and year"),
        ({"expiry": "٠٤ / ٣٠"}, "Use month and year"),
        ({"expiry": ""}, "This field is required."),
        ({"cvc": "12"}, "Use the 3 or 4 digits"),
        ({"cvc": ""}, "This field is required."),
    ],
)
def test_it_refuses_a_card_and_says_why(values, words, processor, url):
    answer = processor.post(url, typed(**values))

    assert answer.status == 422
    assert "There is a problem" in text_of(answer)
    assert text_of(answer).count(words) == 2, "in the summary and beside the field"
    assert f'href="#{next(iter(values))}"' in text_of(answer)
    assert processor.objects("payment_method") == []


@pytest.mark.parametrize("expiry", ["10/26", "10 / 2026", "1026", "4/30"])
def test_it_takes_a_card_to_the_end_of_its_month(expiry, processor, url):
    assert processor.post(url, typed(expiry=expiry)).status == 303


@pytest.mark.parametrize("number", [REAL_LOOKING, "4111 1111-1111 1111", f"{VISA}x", REFUSED, VISA])
def test_it_never_sends_stores_or_logs_a_number(number, processor, url, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = processor.post(url, typed(number, cvc="987"))

    form = text_of(answer).partition("<form")[2].partition("</form>")[0]
    kept = "\n".join(processor.store.db.iterdump())
    for part in (number, number[:12]):
        assert part not in form
        assert part not in caplog.text
        assert part not in kept
    assert "987" not in form


def test_it_keeps_a_number_out_of_its_log_when_it_breaks(processor, url, caplog, monkeypatch):
    def fail(values, today):
        raise RuntimeError(f"could not read {values}")

    monkeypatch.setattr("processor.pages.read_entry", fail)
    answer = processor.post(url, typed(REAL_LOOKING))

    assert answer.status == 500
    assert "RuntimeError in" in caplog.text
    assert REAL_LOOKING not in caplog.text + text_of(answer)


def test_it_keeps_a_card_once_per_visit(processor, url):
    first, second = processor.post(url, typed()), processor.post(url, typed("5555555555554444"))

    assert first.headers["Location"] == second.headers["Location"] == "https://portal.example/back?setup=1"
    assert processor.get(url).status == 303
    [method] = processor.objects("payment_method")
    assert (method["card"]["last4"], method["card"]["exp_month"], method["card"]["exp_year"]) == ("4242", 4, 2030)


def test_it_says_that_it_is_a_sandbox_and_shows_every_test_card(processor, url):
    page = text_of(processor.get(url))

    assert "This is a sandbox." in page
    assert 'href="https://portal.example/cancel"' in page
    for number, card in CARDS.items():
        assert number[-4:] in page
        assert card.meaning in page


def test_it_closes_a_page_after_a_day(processor, url):
    with travel_to(AT + timedelta(days=1)):
        answer = processor.post(url, typed())

    assert "This page has expired" in text_of(answer)
    assert processor.objects("payment_method") == []


@pytest.mark.parametrize(
    "path", ["/c/cs_test_unknown", "/bank/pi_unknown", "/pages/../storage.py", "/", "/v2/customers"]
)
def test_it_has_nothing_at_other_addresses(path, processor):
    assert processor.get(path).status == 404


def test_it_lets_a_form_lead_back_to_the_portal_and_nowhere_else(processor, url):
    policy = processor.get(url).headers["Content-Security-Policy"]

    assert "form-action 'self' https://portal.example;" in policy
    assert "default-src 'none'" in policy


def test_it_quotes_what_it_was_given(api, processor):
    page = text_of(processor.get(api.session(cancel='https://portal.example/"><script>')["url"]))

    assert "<script>" not in page


# --- the bank ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bank(api):
    intent = api.charged("4000000000003063")
    method = api.get(f"/v1/payment_intents/{intent}")[1]["last_payment_error"]["payment_method"]["id"]
    asked = api.post(
        f"/v1/payment_intents/{intent}/confirm", f"payment_method={method}&return_url=https://portal.example/pay?a=1"
    )[1]
    return asked["next_action"]["redirect_to_url"]["url"]


@pytest.mark.parametrize(("answer", "result", "moved"), [("confirm", "succeeded", 1), ("refuse", "failed", 0)])
def test_it_asks_the_person_and_leads_back(answer, result, moved, bank, processor):
    assert "49.00 USD" in text_of(processor.get(bank))
    assert "form-action 'self' https://portal.example;" in processor.get(bank).headers["Content-Security-Policy"]

    led = processor.post(bank, {"answer": answer})

    assert led.headers["Location"].startswith("https://portal.example/pay?a=1&payment_intent=pi_")
    assert led.headers["Location"].endswith(f"redirect_status={result}")
    assert len(processor.store.movements()) == moved


def test_it_charges_once_however_often_a_person_confirms(bank, processor):
    processor.post(bank, {"answer": "confirm"})
    again = processor.post(bank, {"answer": "confirm"})

    assert "Nothing to confirm" in text_of(again)
    assert len(processor.store.movements()) == 1
