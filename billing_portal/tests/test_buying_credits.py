"""«Buy credits» and automatic top-up as customers and staff meet them."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import BillingProfile, PaymentMethod, PaymentPolicy
from accounts.tests.cards import DECLINES, add_card
from billing_portal import books
from billing_portal.billing_run import RunReport, collect_due, resolve_due, top_up_due
from billing_portal.tests.begun import Begun
from billing_portal.tests.people import on_plus
from credits.models import CreditGrant
from credits.selectors import balance
from credits.tests.cast import use
from invoices.models import CreditSale, Invoice, Payment, TopUpRule
from invoices.services.set_top_up import set_top_up
from invoices.services.submit_payment import submit_payment
from invoices.tests.test_admin_crediting import filled
from invoices.topping_up import TopUpTerms

pytestmark = pytest.mark.django_db

BUY, REVIEW, TOP_UP, CREDITS = (
    reverse(name) for name in ("credits_buy", "credits_review", "credits_top_up", "credits")
)
TERMS = {"threshold": "20", "amount": "50", "ceiling": "150"}


@pytest.fixture(autouse=True)
def _books_hold(db):
    yield
    assert [finding for room in books.ROOMS for finding in room.check()] == []


def in_france(customer, alice, catalogue, at):
    BillingProfile.objects.update_or_create(customer=customer, defaults={"country": "FR"})
    on_plus(customer, alice, catalogue, at)
    type(customer).objects.filter(pk=customer.pk).update(clock_at=at)


_in_france = Begun(in_france)


@pytest.fixture
def wonder(seller, customer, alice, catalogue, at, processor):
    """In France, with a card, on Plus, which says the currency."""
    _in_france.again(processor, customer, alice, catalogue, at)
    customer.refresh_from_db()
    return customer


def confirmed(client, amount="100"):
    """What the form of the review would send."""
    context = client.get(REVIEW, {"amount": amount}).context
    return {"amount": amount, "number": context["number"], "total": context["totals"].total}


def pay():
    for payment in Payment.objects.filter(status="pending"):
        submit_payment(payment_id=payment.pk, at=payment.created_at)


# --- buying -----------------------------------------------------------------------------------------------------------
def test_it_shows_to_the_cent_what_is_charged(wonder, alice, log_in, at):
    use(wonder, 4000, at)
    page = log_in(alice).get(REVIEW, {"amount": "100.00"}).text
    for text in ("$100.00 of credits", "VAT 20 % of $100.00", "$20.00", "$120.00", "−$40.00", "$60.00", "4242"):
        assert text in page
    assert not Invoice.objects.filter(key__startswith="sale:").exists()


def test_who_buys_comes_back_to_the_new_balance(wonder, alice, log_in, at):
    client = log_in(alice)
    assert f'href="{BUY}"' in client.get(CREDITS).text
    assert f"{REVIEW}?amount=100" in client.get(BUY).text
    response = client.post(REVIEW, confirmed(client))
    payment = Payment.objects.get()
    status = reverse("payment_status", args=[payment.invoice.public_id, payment.public_id])
    assert (response.status_code, response["Location"]) == (303, status)
    pay()
    assert client.get(status)["Location"] == CREDITS
    page = client.get(CREDITS).text
    assert "Purchased credits" in page
    assert "Paid" in client.get(reverse("grant_invoice", args=[CreditGrant.objects.get().public_id]), follow=True).text
    assert balance(wonder.pk, "USD", at).available == 10000


def test_its_line_is_explained(wonder, alice, log_in):
    client = log_in(alice)
    client.post(REVIEW, confirmed(client))
    page = client.get(reverse("billing_explain", args=[CreditSale.objects.get().key])).text
    for text in ("$100.00", "of credits, bought on 20 Oct 2026", "what 1 USD of credits costs"):
        assert text in page


def test_a_double_click_and_a_second_tab_buy_once(wonder, alice, log_in):
    client = log_in(alice)
    first, second = confirmed(client), confirmed(client)
    answers = {client.post(REVIEW, form)["Location"] for form in (first, first, second)}
    assert (len(answers), CreditSale.objects.count(), Payment.objects.count()) == (1, 1, 1)


def test_another_total_is_shown_first(wonder, alice, log_in):
    client = log_in(alice)
    form = confirmed(client)
    BillingProfile.objects.update(country="US")
    response = client.post(REVIEW, form)
    assert (response.status_code, response.context["totals"].total) == (409, 10000)
    assert "Please check again." in response.text
    assert not CreditSale.objects.exists()


@pytest.mark.parametrize(
    ("amount", "said"), [("5", "from $10.00"), ("10.001", "2 decimals"), ("x", "number"), ("", "")]
)
def test_an_amount_that_is_not_sold_is_asked_again(wonder, alice, log_in, amount, said):
    client = log_in(alice)
    for response in (client.get(REVIEW, {"amount": amount}), client.post(REVIEW, {"amount": amount})):
        assert response.status_code == 422
        assert said in response.text


def test_without_a_card_it_leads_to_one_and_back(wonder, alice, log_in, at):
    client = log_in(alice)
    form = confirmed(client)
    PaymentMethod.objects.update(is_default=False, deleted_at=at)
    assert "Add a payment method" in client.get(REVIEW, {"amount": "100"}).text
    response = client.post(REVIEW, form)
    assert response["Location"].startswith(f"{reverse('pm_add')}?next=")
    assert not CreditSale.objects.exists()


@pytest.mark.parametrize("url", [BUY, REVIEW])
def test_a_viewer_is_told_who_can(wonder, bob, log_in, url):
    client = log_in(bob)
    assert "Buy credits" not in client.get(CREDITS).text
    for response in (client.get(url), client.post(REVIEW, {"amount": "100"})):
        assert response.status_code == 403
        assert "alice@example.com" in response.text


def test_enterprise_buys_through_sales(wonder, alice, log_in):
    type(wonder).objects.update(payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    client = log_in(alice)
    assert BUY not in client.get(CREDITS).text
    for url in (BUY, REVIEW, TOP_UP):
        response = client.get(url)
        assert response.status_code == 403
        assert "sales@example.com" in response.text
    type(wonder).objects.update(payment_policy=PaymentPolicy.REQUIRED)


def test_strangers_see_nothing_of_a_purchase(wonder, alice, charlie, log_in):
    client = log_in(alice)
    client.post(REVIEW, confirmed(client))
    assert log_in(charlie).get(reverse("grant_invoice", args=[CreditGrant.objects.get().public_id])).status_code == 404


def test_the_review_asks_little_of_the_database(wonder, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    client.get(REVIEW, {"amount": "100"})
    with django_assert_max_num_queries(12):
        client.get(REVIEW, {"amount": "100"})


def test_a_purchase_that_was_declined_blocks_no_upgrade(wonder, alice, log_in, at):
    PaymentMethod.objects.update(is_default=False, deleted_at=at)
    add_card(wonder, alice, at, DECLINES, make_default=True)
    client = log_in(alice)
    client.post(REVIEW, confirmed(client))
    pay()
    payment = Payment.objects.get()
    assert payment.status == "declined"
    page = client.get(reverse("invoice", args=[payment.invoice.public_id])).text
    assert "Payment failed." in page
    assert "Past due" not in page
    assert client.get(reverse("plan_change")).context["overdue"] is None


# --- automatic top-up -------------------------------------------------------------------------------------------------
def test_it_is_switched_on_and_off(wonder, alice, log_in):
    client = log_in(alice)
    response = client.post(TOP_UP, TERMS)
    assert (response.status_code, response["Location"]) == (303, TOP_UP)
    page = client.get(TOP_UP).text
    for text in (
        "less than <strong>$20.00</strong>",
        "$50.00 of credits for $60.00 with tax",
        "at most $150.00",
        "Alice",
    ):
        assert text in page
    assert TopUpRule.objects.get().consented_by == alice
    client.post(TOP_UP, {"off": "1"})
    assert not TopUpRule.objects.get().is_on
    assert "switched off" in client.get(TOP_UP).text


def test_a_ceiling_below_one_purchase_is_refused(wonder, alice, log_in):
    response = log_in(alice).post(TOP_UP, TERMS | {"ceiling": "59.99"})
    assert response.status_code == 422
    assert "One top-up charges $60.00 with tax" in response.text


def test_a_viewer_reads_it_and_switches_nothing(wonder, bob, log_in):
    client = log_in(bob)
    assert "Only a billing admin can change this." in client.get(TOP_UP).text
    assert client.post(TOP_UP, TERMS).status_code == 403
    assert not TopUpRule.objects.exists()


def minute(at):
    report = RunReport(at="")
    top_up_due(at=at, report=report)
    collect_due(at=at, report=report)
    assert report.parked == []


def test_the_minutes_job_buys_and_charges_once(wonder, alice, at):
    type(wonder).objects.update(clock_at=None)
    set_top_up(customer_id=wonder.pk, terms=TopUpTerms("USD", 2000, 5000, 15000), at=at, actor=alice)
    for second in (0, 1, 60):
        minute(at + timedelta(seconds=second))
    assert (Payment.objects.get().status, balance(wonder.pk, "USD", at).available) == ("succeeded", 5000)


def test_a_worker_that_died_before_the_charge_charges_later_and_once(wonder, alice, at):
    """The sale is committed and nothing else: the next minute collects it."""
    type(wonder).objects.update(clock_at=None)
    set_top_up(customer_id=wonder.pk, terms=TopUpTerms("USD", 2000, 5000, 15000), at=at, actor=alice)
    top_up_due(at=at, report=RunReport(at=""))
    assert (CreditSale.objects.count(), Payment.objects.count()) == (1, 0)
    minute(at + timedelta(minutes=1))
    resolve_due(at=at + timedelta(minutes=2), report=RunReport(at=""))
    assert (CreditSale.objects.count(), Payment.objects.get().status) == (1, "succeeded")


def test_a_declined_top_up_is_tried_once(wonder, alice, at):
    type(wonder).objects.update(clock_at=None)
    add_card(wonder, alice, at, DECLINES, make_default=True)
    set_top_up(customer_id=wonder.pk, terms=TopUpTerms("USD", 2000, 5000, 15000), at=at, actor=alice)
    for hour in range(5):
        minute(at + timedelta(hours=hour))
    assert [payment.status for payment in Payment.objects.all()] == ["declined"]
    assert (TopUpRule.objects.get().is_on, CreditSale.objects.get().invoice.status) == (False, "void")


def test_what_nobody_pays_is_given_up_by_the_job(wonder, alice, log_in, at):
    client = log_in(alice)
    client.post(REVIEW, confirmed(client))
    Payment.objects.update(status="canceled", settled_at=at, check_at=None)
    type(wonder).objects.update(clock_at=at + timedelta(days=15))
    minute(at)
    assert CreditSale.objects.get().invoice.status == "void"


# --- staff ------------------------------------------------------------------------------------------------------------
GRANT = {
    "amount": "100.00", "currency": "USD", "name": "Bought by phone", "reason": "Order 7", "charge": "invoiced",
    "unit_cost": "0.8", "availability": "after_payment", "effective_at": "", "priority": "10", "expires_at": "",
}  # fmt: skip


def proposed(client, customer, **values):
    return client.post(reverse("admin:customer_credits_grant", args=[customer.key]), GRANT | values)["Location"]


def test_staff_sell_credit_on_an_invoice(wonder, as_clerk, at):
    summary = proposed(as_clerk, wonder)
    shown = as_clerk.get(summary)
    page, seen = shown.text, shown.context["seen"]
    for text in ("$100.00 of credits × 0.8", "$80.00", "VAT 20 % of $80.00", "$16.00", "$96.00"):
        assert text in page
    for _ in range(2):
        assert as_clerk.post(summary, {"total": "9600", "seen": seen}).status_code == 302
    sale = CreditSale.objects.get()
    assert (sale.invoice.total, sale.invoice.status, sale.grant.amount, sale.origin) == (9600, "open", 10000, "staff")
    tab = as_clerk.get(reverse("admin:customer_credits", args=[wonder.key])).text
    link = reverse("admin:customer_credits_invoice", args=[wonder.key, sale.grant.public_id])
    assert link in tab
    assert "Record payment" not in tab
    assert as_clerk.get(link)["Location"] == reverse("admin:invoices_invoice_change", args=[sale.invoice_id])
    paying = reverse("admin:customer_credits_pay", args=[wonder.key, sale.grant.public_id])
    assert as_clerk.post(paying, {"reference": "Bank 7"})["Location"] == link
    assert balance(wonder.pk, "USD", at).available == 0


def test_staff_see_another_total_before_it_is_invoiced(wonder, as_clerk):
    summary = proposed(as_clerk, wonder)
    seen = as_clerk.get(summary).context["seen"]
    response = as_clerk.post(summary, {"total": "9599", "seen": seen})
    assert response.status_code == 409
    assert "The figures have changed" in response.text
    assert as_clerk.post(summary, {"total": "9600"}).status_code == 409  # its terms were not seen
    assert not CreditSale.objects.exists()


def test_staff_cannot_give_back_what_is_used(wonder, alice, log_in, as_clerk, at):
    client = log_in(alice)
    client.post(REVIEW, confirmed(client))
    pay()
    use(wonder, 4000, at)
    invoice = CreditSale.objects.get().invoice
    url = reverse("admin:invoices_invoice_credit", args=[invoice.pk])
    form = as_clerk.get(url)
    response = as_clerk.post(url, filled(form, reason="Refund", _preview="1"))
    assert response.status_code == 422
    assert "Only $60.00 of these credits is unused" in response.text
    part = filled(form, what="amount", amount="72.00", reason="Refund", _preview="1")
    preview = as_clerk.post(url, part)
    assert preview.status_code == 200
    assert not Invoice.objects.credit_notes().exists()
    as_clerk.post(url, filled(preview, _save="1"))
    assert (Invoice.objects.credit_notes().get().total, balance(wonder.pk, "USD", at).available) == (-7200, 0)
    assert CreditGrant.objects.get().taken_back == 6000


def test_staff_switch_top_up_off_with_a_reason(wonder, alice, as_clerk, at):
    rule = set_top_up(customer_id=wonder.pk, terms=TopUpTerms("USD", 2000, 5000, 15000), at=at, actor=alice)
    url = reverse("admin:customer_top_up_stop", args=[wonder.key, rule.public_id])
    assert url in as_clerk.get(reverse("admin:customer_credits", args=[wonder.key])).text
    assert as_clerk.post(url, {}).status_code == 422
    assert as_clerk.post(url, {"reason": "Asked by phone"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.is_on, rule.off_because) == (False, "staff")
