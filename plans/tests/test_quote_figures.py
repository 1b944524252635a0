"""What a confirm page shows beside the lines: every tax row, and a kept credit; to the cent what is billed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.gateways.base import Outcome
from accounts.models import BillingProfile
from core.clock import travel_to
from credits.selectors import balance
from credits.tests.cast import grant
from invoices.models import Seller, TaxRate
from invoices.services.collect_payment import collect_payment
from invoices.services.record_payment import record_payment
from invoices.tests.cast import line, open_invoice
from plans.exceptions import QuoteStaleError
from plans.models import ChangeQuote, QuoteKind
from plans.selectors import running, upcoming_invoice
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.tests.conftest import cancel_quote, new_plan, send, tokens_card

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)


def text(response):
    return response.content.decode()


@pytest.fixture
def two_taxes(seller, customer):
    """GST 5 % and QST 9.975 % on the same amount."""
    for label, percent in (("GST", "5"), ("QST", "9.975")):
        TaxRate.objects.create(
            seller=Seller.objects.get(), country="CA", label=label, percent=Decimal(percent), category="S"
        )
    BillingProfile.objects.filter(customer=customer).update(country="CA")


@pytest.fixture
def inclusive(seller, customer):
    TaxRate.objects.create(
        seller=Seller.objects.get(), country="AU", label="GST", percent=Decimal(10), category="S", inclusive=True
    )
    BillingProfile.objects.filter(customer=customer).update(country="AU")


def kept(customer, amount):
    """A credit note that no open invoice and no card can take."""
    note = open_invoice(customer, lines=(line(-amount),), at=LATER - timedelta(days=1))
    assert note.amount_due == amount
    return note


def test_the_quote_keeps_the_rows_that_the_invoice_will_have(plus, customer, two_taxes):
    quote = cancel_quote(customer, LATER)

    invoice = cancel_subscription(quote=quote, at=LATER, actor=None).invoice

    assert [(row["label"], row["base"], row["tax"]) for row in quote.taxes] == [("GST", 1_739, 87), ("QST", 1_739, 173)]
    assert (quote.taxes, quote.tax_rules, quote.total) == (invoice.taxes, invoice.tax_rules, invoice.total)


@pytest.mark.parametrize(("page", "args"), [("plan_cancel", []), ("plan_upgrade", ["pro"])])
def test_every_confirm_page_shows_every_tax(plus, customer, alice, log_in, at, two_taxes, page, args):
    new_plan("pro", cards=[tokens_card("0.001")], at=at)
    with travel_to(LATER):
        shown = text(log_in(alice).get(reverse(page, args=args)))

    assert "GST 5 % of $17.39</th>" in shown
    assert "QST 9.975 % of $17.39</th>" in shown
    assert "$19.99" in shown


def test_subscribe_estimates_every_tax(free, alice, log_in, two_taxes):
    with travel_to(LATER):
        shown = text(log_in(alice).get(reverse("plan_upgrade", args=["plus"])))

    assert "GST 5 % of $49.00" in shown
    assert "QST 9.975 % of $49.00" in shown


def test_inclusive_tax_is_said_to_be_in_the_prices(plus, alice, log_in, inclusive):
    with travel_to(LATER):
        shown = text(log_in(alice).get(reverse("plan_cancel")))

    assert '<th scope="row" colspan="2">Net</th><td class="num">$15.81</td>' in shown
    assert "GST 10 % of $15.81 (included in the prices)" in shown
    assert "<strong>$17.39</strong> will be charged" in shown


def test_another_split_of_the_same_tax_is_refused(plus, customer, two_taxes):
    quote = cancel_quote(customer, LATER)
    TaxRate.objects.filter(label="GST").update(label="HST")

    with pytest.raises(QuoteStaleError):
        cancel_subscription(quote=quote, at=LATER, actor=None)


# --- a kept credit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("credit", "due"), [(500, 1_239), (1_739, 0), (9_999, 0)])
def test_the_quote_takes_a_kept_credit_off_as_the_invoice_does(plus, customer, credit, due):
    kept(customer, credit)

    quote = cancel_quote(customer, LATER)
    invoice = cancel_subscription(quote=quote, at=LATER, actor=None).invoice

    invoice.refresh_from_db()
    assert (quote.total, quote.amount_due) == (1_739, due)
    assert (invoice.total, invoice.amount_due, invoice.amount_credited) == (1_739, due, quote.credit)


@pytest.mark.parametrize(("page", "args"), [("plan_cancel", []), ("plan_upgrade", ["pro"])])
def test_every_confirm_page_shows_it_as_a_row_of_its_own(plus, customer, alice, log_in, at, page, args):
    new_plan("pro", cards=[tokens_card("0.001")], at=at)
    kept(customer, 500)
    with travel_to(LATER):
        shown = text(log_in(alice).get(reverse(page, args=args)))

    assert 'Credit from earlier credit notes</th><td class="num">−$5.00</td>' in shown
    assert 'Amount due</th><td class="num">$12.39</td>' in shown


def test_a_credit_that_went_elsewhere_is_refused_with_the_new_amount(plus, customer, alice, log_in):
    kept(customer, 500)
    quote = cancel_quote(customer, LATER)
    open_invoice(customer, 400, at=LATER)

    with pytest.raises(QuoteStaleError) as refused:
        cancel_subscription(quote=quote, at=LATER, actor=None)
    assert "The total changed from $12.39 to $16.39. Your credit has changed since." in refused.value.message


def test_open_invoices_come_before_the_new_one(plus, customer):
    """The credit was kept while nobody knew whether the older invoice is paid; it is due later than the new one."""
    invoice = open_invoice(customer, 300, collection="send_invoice")
    payment = collect_payment(invoice_id=invoice.pk, at=LATER, automatic=False)
    kept(customer, 500)
    waiting = cancel_quote(customer, LATER).credit
    record_payment(payment_id=payment.pk, outcome=Outcome("declined", "card_declined"), at=LATER)

    quote = cancel_quote(customer, LATER)
    billed = cancel_subscription(quote=quote, at=LATER, actor=None).invoice

    billed.refresh_from_db()
    assert (waiting, quote.credit, billed.amount_credited) == (500, 200, 200)


def test_a_total_below_zero_says_where_the_money_goes(plus, customer, alice, log_in, at):
    quote = cancel_quote(customer, LATER)
    ChangeQuote.objects.filter(pk=quote.pk).update(total=-250)
    quote.refresh_from_db()

    assert (quote.amount_due, quote.amount_back) == (0, 250)


def test_the_upcoming_invoice_takes_it_off(plus, customer, at):
    send(customer, at, tokens=3_000_000)
    kept(customer, 700)
    before = upcoming_invoice(running(customer, LATER))
    [draft] = calculate_charges(subscription_ids=[plus.pk], at=datetime(2026, 11, 17, 1, tzinfo=UTC))
    after = upcoming_invoice(running(customer, datetime(2026, 11, 18, tzinfo=UTC)))

    assert (before.credit, before.amount_due) == (700, before.totals.total - 700)
    assert (after.draft, after.credit, after.amount_due) == (draft, 700, draft.total - 700)


def test_nothing_to_pay_takes_no_credit(free, customer, catalogue, at):
    kept(customer, 700)

    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=LATER, actor=None)

    assert (quote.total, quote.credit) == (0, 0)


# --- quotes of before ------------------------------------------------------------------------------------------------


# --- credit that pays -------------------------------------------------------------------------------------------------
def test_it_says_what_is_left_of_credit_that_covers_all(plus, customer, alice, log_in, at):
    grant(customer, 5_000, at=at)
    with travel_to(LATER):
        shown = text(log_in(alice).get(reverse("plan_cancel")))
    assert "Paid with credits.</strong> Your balance after: $32.61.</p>" in shown

    cancel_subscription(quote=ChangeQuote.objects.get(kind=QuoteKind.CANCEL), at=LATER, actor=alice)
    assert balance(customer.pk, "USD", LATER).settled == 3_261


def test_every_line_says_whether_it_still_counts(plus, customer, alice, log_in, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    with travel_to(LATER):
        rows = text(log_in(alice).get(reverse("plan_cancel"))).split("<tbody>")[-1].split("</tr>")
    said = {row.split("</th>")[0].split(">")[-1].split(",")[0]: row for row in rows if '<th scope="row">' in row}
    assert '<div class="note">Final</div>' in said["Plus monthly fee"]
    assert '<div class="note">Counting until you confirm</div>' in said["AI tokens"]
