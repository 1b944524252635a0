"""Every charge has an address that derives it, the same before and after it is billed."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from io import StringIO

import pytest
from django.urls import reverse

from accounts.services.update_billing_profile import update_billing_profile
from billing_portal.billing_run import run_billing
from billing_portal.tests.begun import Begun
from billing_portal.tests.people import on_free, on_plus
from core import clock
from credits.grants import GrantDraft
from credits.services.grant_credits import grant_credits
from invoices.giving_back import Wanted
from invoices.models import Invoice, InvoiceLine
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.void_invoice import void_invoice
from plans.models import Subscription
from plans.tests.conftest import send
from usage.services.ingest_events import ingest_events

CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
MIDDLE = datetime(2026, 10, 30, 12, tzinfo=UTC)
NAMES = ("billing_explain", "billing_explain_events")
TOKENS = "usage:ai-tokens:2026-10-20T10:00:00Z/2026-11-17"
FEE = "fee:base-fee:2026-10-20/2026-11-20"


def text(response):
    return " ".join(unescape(response.content.decode()).split())


def rows(response):
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


def three_days(customer, alice, catalogue, at):
    with clock.travel_to(at):
        on_plus(customer, alice, catalogue, at)
        for day, tokens in ((1, 1_000_000), (2, 2_000_000), (9, 500_000)):
            send(customer, at + timedelta(days=day), tokens=tokens, requests=day)


_three_days = Begun(three_days)


@pytest.fixture
def key(customer, alice, seller, catalogue, at, processor):
    """Addresses of the lines of alice's subscription to Plus, with 3.5 million tokens used on three days."""
    _three_days.again(processor, customer, alice, catalogue, at)
    spell = Subscription.objects.open().get(customer=customer)
    with clock.travel_to(MIDDLE):
        yield lambda line: f"subscription:{spell.pk}:{line}"


def page(client, key, name="billing_explain", **headers):
    return client.get(reverse(name, args=[key]), headers=headers)


def test_a_line_that_still_counts_is_derived(key, alice, log_in):
    shown = text(page(log_in(alice), key(TOKENS)))
    for part in (
        "AI tokens, explained",
        "Still counting",
        "3,500,000 tokens used",
        "first 21 Oct 2026, 10:00 UTC, last 29 Oct 2026, 10:00 UTC",
        '× $0.0020 per 1,000 tokens <span class="note">Plus, price list version 1, since 20 Oct 2026 </span>',
        "= $7.00",
        '<rect class="fill" width="100" height="8"/></svg></div></td><td class="num">1,000,000</td>',
        'On this line</th><td class="wide"></td><td class="num">3,500,000</td>',
        "Download these events (CSV)",
    ):
        assert part in shown, part


def test_a_fee_is_derived(key, alice, log_in):
    shown = text(page(log_in(alice), key(FEE)))
    assert "Fixed for this period" in shown
    assert "Final" not in shown
    assert '× 31 of 31 days <span class="note">20 Oct – 19 Nov 2026 </span>' in shown
    assert "Download these events" not in shown


@pytest.mark.django_db(transaction=True)
def test_the_address_stays_when_the_line_is_announced_and_issued(key, alice, log_in):
    client = log_in(alice)
    run_billing(at=CALCULATED_AT)
    with clock.travel_to(CALCULATED_AT):
        announced = text(page(client, key(TOKENS)))
        assert "Final" in text(page(client, key(FEE)))
    run_billing(at=BILLED_AT)
    issued = text(page(client, key(TOKENS)))
    number = Invoice.objects.get().number
    assert 'billed on <time datetime="2026-11-20">' in announced
    assert f"on invoice {number}" in issued
    for shown in (announced, issued):
        assert "= $7.00" in shown
        assert "Final" in shown
        assert "Still counting" not in shown


@pytest.mark.django_db(transaction=True)
def test_every_line_of_the_invoice_leads_to_its_derivation(key, alice, log_in):
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    client = log_in(alice)
    document = client.get(reverse("invoice", args=[Invoice.objects.get().public_id])).content.decode()
    lines = InvoiceLine.objects.all()
    assert len(lines) == 3
    for line in lines:
        address = reverse("billing_explain", args=[line.key])
        assert f'href="{address}"' in document
        shown = client.get(address)
        assert shown.context["charge"].agrees
        assert "does not give the amount" not in text(shown)


@pytest.mark.django_db(transaction=True)
def test_usage_that_came_later_is_told_apart(key, customer, alice, log_in):
    run_billing(at=CALCULATED_AT)
    late = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": MIDDLE.isoformat()}
    event = {**late, "id": "late", "type": "ai.tokens", "data": {"tokens": 70}}
    ingest_events(events=[event], token_customer_id=None, at=CALCULATED_AT + timedelta(minutes=1))
    client = log_in(alice)
    shown = text(page(client, key(TOKENS)))
    assert "Reached us after this line was calculated" in shown
    assert '<td class="num">−70</td>' in shown
    exported = rows(page(client, key(TOKENS), "billing_explain_events"))
    assert sum(Decimal(row["quantity"]) for row in exported) == 3_500_000


@pytest.mark.django_db(transaction=True)
def test_a_line_that_gives_back_less_says_what_was_given_back_before(key, customer, alice, log_in):
    event = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": MIDDLE.isoformat()}
    event |= {"id": "wrong", "type": "ai.tokens", "data": {"tokens": 1_000_000}}
    ingest_events(events=[event], token_customer_id=None, at=MIDDLE)
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    invoice = Invoice.objects.get(customer=customer)
    wanted = Wanted(lines={key(TOKENS): 850})
    given = issue_credit_note(invoice_id=invoice.pk, at=BILLED_AT, reason="Agreed", wanted=wanted, key="note")
    event |= {"id": "right", "corrects": "wrong", "data": {"tokens": -1_000_000}}
    ingest_events(events=[event], token_customer_id=None, at=BILLED_AT + timedelta(days=1))
    run_billing(at=datetime(2026, 12, 17, 1, 5, tzinfo=UTC))

    late = InvoiceLine.objects.get(key__contains=":late:")
    response = page(log_in(alice), late.key)
    assert response.context["charge"].agrees
    why = f"all that was left of $9.00: credit note {given.number} gave some back"
    assert f'→ −$0.50 <span class="note">{why} </span>' in text(response)


@pytest.mark.django_db(transaction=True)
def test_of_a_document_with_several_rates_each_line_has_its_own(key, customer, alice, log_in):
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=MIDDLE, actor=None)
    event = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": MIDDLE.isoformat()}
    event |= {"id": "wrong", "type": "ai.tokens", "data": {"tokens": 1_000_000}}
    ingest_events(events=[event], token_customer_id=None, at=MIDDLE)
    for at in (CALCULATED_AT, BILLED_AT):
        run_billing(at=at)
    values = {"country": "DE", "tax_id": "DE136695976"}
    update_billing_profile(customer_id=customer.pk, values=values, at=BILLED_AT, actor=None)
    event |= {"id": "right", "corrects": "wrong", "data": {"tokens": -1_000_000}}
    ingest_events(events=[event], token_customer_id=None, at=BILLED_AT + timedelta(days=1))
    run_billing(at=datetime(2026, 12, 17, 1, 5, tzinfo=UTC))

    draft = Invoice.objects.get(status="draft")
    assert len(draft.taxes) == 2
    client = log_in(alice)
    taxes = {line.title: page(client, line.key).context["charge"].taxes for line in draft.lines.all()}
    assert taxes["AI tokens (late usage)"] == ("VAT 20 %",)
    assert taxes["Plus monthly fee"] == ("VAT 0 %: Reverse charge",)


@pytest.mark.django_db(transaction=True)
def test_late_usage_has_a_derivation_of_its_own(key, customer, alice, log_in):
    run_billing(at=CALCULATED_AT)
    event = {
        "specversion": "1.0",
        "id": "late",
        "source": "test",
        "subject": customer.key,
        "time": MIDDLE.isoformat(),
        "type": "ai.tokens",
        "data": {"tokens": 2_000_000},
    }
    ingest_events(events=[event], token_customer_id=None, at=CALCULATED_AT + timedelta(days=1))
    run_billing(at=datetime(2026, 12, 17, 1, 5, tzinfo=UTC))
    [late] = InvoiceLine.objects.filter(key__contains=":late:")
    client = log_in(alice)
    response = page(client, late.key)
    shown = text(response)
    assert late.amount == 400
    assert response.context["charge"].agrees
    assert "5,500,000 tokens used" in shown
    assert "3,500,000 were known when it was billed before" in shown
    assert "− $7.00" in shown
    assert "Reached us after" not in shown
    exported = rows(page(client, late.key, "billing_explain_events"))
    assert sum(Decimal(row["quantity"]) for row in exported) == 5_500_000


def test_what_free_includes_is_derived_too(customer, alice, seller, catalogue, at, log_in):
    spell = on_free(customer, alice, at)
    send(customer, at + timedelta(days=1), requests=3)
    with clock.travel_to(MIDDLE):
        shown = text(page(log_in(alice), f"subscription:{spell.pk}:usage:api-requests:2026-10-20T10:00:00Z/2026-11-20"))
    assert "− 5,000 included in Free" in shown
    assert '× 0 <span class="note">not charged: Free, price list version 1, since 20 Oct 2026 </span>' in shown


def test_the_events_sum_to_the_quantity(key, alice, log_in):
    client = log_in(alice)
    shown = page(client, key(TOKENS)).context["charge"]
    response = page(client, key(TOKENS), "billing_explain_events")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="events-ai-tokens-2026-10-20.csv"'
    exported = rows(response)
    assert sum(Decimal(row["quantity"]) for row in exported) == shown.line.quantity == 3_500_000
    assert exported[0]["time"] == "2026-10-21T10:00:00Z"


@pytest.mark.django_db(transaction=True)
def test_only_what_reached_us_in_time_is_first_or_last(key, customer, alice, log_in):
    run_billing(at=CALCULATED_AT)
    late = {"specversion": "1.0", "source": "test", "subject": customer.key, "time": "2026-10-20T11:00:00Z"}
    event = {**late, "id": "late", "type": "ai.tokens", "data": {"tokens": 70}}
    ingest_events(events=[event], token_customer_id=None, at=CALCULATED_AT + timedelta(minutes=1))
    assert "first 21 Oct 2026, 10:00 UTC" in text(page(log_in(alice), key(TOKENS)))


@pytest.mark.django_db(transaction=True)
def test_it_says_which_grant_paid_and_what_was_left_to_the_invoice(key, customer, alice, log_in):
    with clock.travel_to(MIDDLE):
        for name, amount in (("Welcome", 5_000), ("Sorry", 300)):
            draft = GrantDraft(
                key=name,
                customer_id=customer.pk,
                currency="USD",
                amount=amount,
                funding="promotional",
                name=name,
                reason="Test",
            )
            grant_credits(grant=draft, at=MIDDLE, actor=None)
    client = log_in(alice)
    assert "Paid with credits" not in text(page(client, key(TOKENS)))  # nothing is drawn before the calculation
    run_billing(at=CALCULATED_AT)
    fee, tokens = text(page(client, key(FEE))), text(page(client, key(TOKENS)))
    assert 'Welcome</th><td class="num">$49.00</td>' in fee
    assert 'Left to the invoice <span class="note">before tax</span></th><td class="num">$0.00</td>' in fee
    for part in (
        'Welcome</th><td class="num">$1.00</td>',
        'Sorry</th><td class="num">$3.00</td>',
        'Left to the invoice <span class="note">before tax</span></th><td class="num">$3.00</td>',
        'Charged</th><td class="num">$7.00</td>',
    ):
        assert part in tokens, part
    void_invoice(invoice_id=finalized(BILLED_AT).pk, at=BILLED_AT, reason="Test")
    given_back = text(page(client, key(TOKENS)))
    assert 'Given back by corrections</th><td class="num">$4.00</td>' in given_back


def finalized(at):
    """The one invoice, issued and not paid: nobody takes it to the processor."""
    [draft] = Invoice.objects.all()
    finalize_invoices(invoice_ids=[draft.pk], at=at)
    return draft


def test_the_sum_leads_to_the_days(key, alice, log_in):
    client = log_in(alice)
    headers = {"HX-Request": "true"}
    beside = client.get(reverse("billing_explain", args=[key(TOKENS)]), headers=headers).content.decode()
    assert f'href="{reverse("billing_explain", args=[key(TOKENS)])}#days"' in beside
    assert 'id="days"' in page(client, key(TOKENS)).content.decode()
    assert "#days" not in client.get(reverse("billing_explain", args=[key(FEE)]), headers=headers).content.decode()


def test_no_event_is_a_formula(key, customer, alice, log_in):
    event = {
        "specversion": "1.0",
        "id": "=cmd|'/c calc'!A1",
        "source": "@gateway",
        "subject": customer.key,
        "time": MIDDLE.isoformat(),
        "type": "ai.tokens",
        "data": {"tokens": 1},
    }
    ingest_events(events=[event], token_customer_id=None, at=MIDDLE)
    with clock.travel_to(MIDDLE + timedelta(hours=1)):
        exported = rows(page(log_in(alice), key(TOKENS), "billing_explain_events"))
    assert exported[-1]["event_id"] == "'=cmd|'/c calc'!A1"
    assert exported[-1]["source"] == "'@gateway"


def test_a_fee_has_no_events(key, alice, log_in):
    assert page(log_in(alice), key(FEE), "billing_explain_events").status_code == 404


@pytest.mark.parametrize("line", ["nothing", "subscription:0:usage:x:y", "a\x00b", "x" * 5_000])
@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_other_line(key, alice, log_in, name, line):
    assert page(log_in(alice), line, name).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_finds_nothing(key, charlie, other_customer, at, log_in, name):
    on_free(other_customer, charlie, at)
    client = log_in(charlie)
    assert page(client, key(TOKENS), name).status_code == 404
    run_billing(at=CALCULATED_AT)
    assert page(client, key(TOKENS), name).status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_a_viewer_reads_and_a_member_is_refused(key, bob, dora, log_in, name):
    assert page(log_in(bob), key(TOKENS), name).status_code == 200
    refused = page(log_in(dora), key(TOKENS), name)
    assert refused.status_code == 403
    assert "Alice" in text(refused)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_reads_it_without_logging_in(key, client, name):
    assert page(client, key(TOKENS), name).headers["Location"].startswith("/accounts/login/")


def test_for_htmx_it_is_the_sum_alone(key, alice, log_in):
    client = log_in(alice)
    fragment = page(client, key(TOKENS), **{"HX-Request": "true"})
    assert fragment.content.decode().strip().startswith('<pre class="calc"')
    assert "<html" not in fragment.content.decode()
    assert "HX-Request" in fragment.headers["Vary"]
    assert page(client, key(TOKENS)).headers["Cache-Control"] == "no-store"


def test_the_overview_leads_to_it_with_and_without_a_script(key, alice, log_in):
    shown = log_in(alice).get(reverse("billing_overview")).content.decode()
    for line in (TOKENS, FEE):
        address = reverse("billing_explain", args=[key(line)])
        assert f'<details class="explain" hx-get="{address}" hx-trigger="toggle once"' in shown
        assert f'href="{address}"' in shown


@pytest.mark.django_db(transaction=True)
def test_it_asks_the_database_little(key, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    page(client, key(TOKENS))
    with django_assert_max_num_queries(15):
        page(client, key(TOKENS))
    run_billing(at=CALCULATED_AT)
    with django_assert_max_num_queries(7):  # one of them for the first and the last instant of its usage
        page(client, key(TOKENS))
    with django_assert_max_num_queries(6):
        rows(page(client, key(TOKENS), "billing_explain_events"))
