"""«Add a charge», by staff: previewed, added once, shown to the customer, taken back before it is billed."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

import invoices.books
import plans.books
from accounts.models import AuditEntry
from core import clock
from invoices.models import Invoice, InvoiceLine
from invoices.tests.cast import calculated, open_invoice
from plans.services.open_default_subscription import open_default_subscription
from plans.tests.conftest import plus as plus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


@pytest.fixture
def plus_customer(plus, customer):
    return customer


def url_of(name, customer, *args):
    return reverse(f"admin:{name}", args=[customer.key, *args])


def post(client, customer, step, form=None, **values):
    """What somebody fills into the form as it is shown, or sends again."""
    url = url_of("customer_invoices_charge", customer)
    if form is None:
        key = re.search(r'name="key" value="(\w+)"', client.get(url).text)[1]
        form = {
            "key": key, "title": "Onboarding workshop", "amount": "50.00", "currency": "USD",
            "starts_on": "2026-10-20", "ends_on": "2026-10-20", "when": "next", "reason": "Order 77",
        }  # fmt: skip
    form = {**form, **values}
    response = client.post(url, {**form, step: "1"})
    seen = re.search(r'name="seen" value="([^"]*)"', response.text)
    return response, {**form, "seen": seen[1] if seen else form.get("seen", "")}


def add(client, customer, **values):
    _, form = post(client, customer, "_preview", **values)
    return post(client, customer, "_save", form)


def test_it_waits_for_the_next_invoice_which_shows_it(as_clerk, clerk, alice, log_in, plus_customer):
    preview, form = post(as_clerk, plus_customer, "_preview")
    assert preview.status_code == 200
    assert "on the invoice of" in preview.text
    assert not InvoiceLine.objects.exists()
    for _ in range(2):
        response, _ = post(as_clerk, plus_customer, "_save", form)
        assert response["Location"] == url_of("customer_invoices", plus_customer)
    line = InvoiceLine.objects.get()
    assert (line.amount, line.invoice) == (5000, None)
    assert AuditEntry.objects.get(action="add_charge").reason == "Order 77"
    assert "Onboarding workshop" in as_clerk.get(url_of("customer_invoices", plus_customer)).text
    overview = log_in(alice).get(reverse("billing_overview")).text
    assert "Onboarding workshop" in overview
    explained = log_in(alice).get(reverse("billing_explain", args=[line.key])).text
    assert "charge added by hand on 20 Oct 2026" in explained
    assert "This sum does not give" not in explained
    assert "Price list</dt>" not in explained


def test_it_invoices_now_what_was_previewed(as_clerk, plus_customer):
    preview, form = post(as_clerk, plus_customer, "_preview", when="now", amount="12.34")
    assert "$12.34" in preview.text
    for _ in range(2):
        response, _ = post(as_clerk, plus_customer, "_save", form)
        assert response.status_code == 303
    invoice = Invoice.objects.get()
    assert response["Location"] == reverse("admin:invoices_invoice_change", args=[invoice.pk])
    assert (invoice.total, invoice.number) == (1234, "INV-2026-000001")


def test_the_books_say_it(as_clerk, plus_customer, at):
    add(as_clerk, plus_customer)
    url = url_of("customer_invoices_take_back", plus_customer, InvoiceLine.objects.get().pk)
    as_clerk.post(url, {"reason": "Wrong customer"})
    add(as_clerk, plus_customer, when="now", amount="30.00")
    add(as_clerk, plus_customer, amount="-5.00")
    assert [*invoices.books.check(), *plans.books.check()] == []
    assert Invoice.objects.get().total == 3000


def test_a_credit_below_zero_is_a_credit_note(as_clerk, plus_customer):
    response, _ = add(as_clerk, plus_customer, when="now", amount="-9.00")
    assert response.status_code == 303
    assert Invoice.objects.get().kind == "credit_note"


def test_it_refuses_what_has_moved(as_clerk, plus_customer):
    _, form = post(as_clerk, plus_customer, "_preview", when="now")
    add(as_clerk, plus_customer, amount="1.00")
    response, renewed = post(as_clerk, plus_customer, "_save", form)
    assert response.status_code == 409
    assert "The figures have changed." in response.text
    assert not Invoice.objects.exists()
    assert post(as_clerk, plus_customer, "_save", renewed)[0].status_code == 303
    assert Invoice.objects.get().total == 5100


def test_it_adds_nothing_without_a_preview(as_clerk, plus_customer):
    response, _ = post(as_clerk, plus_customer, "_save")
    assert response.status_code == 409
    assert "Check the preview." in response.text
    assert not InvoiceLine.objects.exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"title": ""}, "Title – This field is required."),
        ({"amount": "0"}, "Amount – Enter an amount above or below zero."),
        ({"amount": "1.001"}, "USD has 2 decimals"),
        ({"ends_on": "2026-10-19"}, "Until – Enter the same day"),
        ({"reason": ""}, "Reason – This field is required."),
        ({"currency": "XYZ"}, "There is no currency XYZ."),
    ],
)
def test_it_says_what_is_wrong(as_clerk, plus_customer, values, said):
    response, _ = post(as_clerk, plus_customer, "_preview", **values)
    assert response.status_code == 422
    assert said in response.text


def test_it_keeps_to_the_currency_the_customer_is_billed_in(as_clerk, plus_customer, at):
    open_invoice(plus_customer, 100, at=at)
    add(as_clerk, plus_customer, currency="EUR")
    assert InvoiceLine.objects.get(invoice=None).currency == "USD"


def test_it_says_that_a_draft_stays_as_it_is_and_that_free_sends_none(as_clerk, customer, catalogue, seller, at):
    open_default_subscription(customer_id=customer.pk, at=at, actor=None)
    text = as_clerk.get(url_of("customer_invoices_charge", customer)).text
    assert "plan sends no invoices" in text
    calculated(customer, 4900)
    assert "is announced and stays as it is" in as_clerk.get(url_of("customer_invoices_charge", customer)).text


def test_it_is_taken_back_once(as_clerk, plus_customer):
    add(as_clerk, plus_customer)
    line = InvoiceLine.objects.get()
    url = url_of("customer_invoices_take_back", plus_customer, line.pk)
    assert "Take back $50.00" in as_clerk.get(url).text
    assert as_clerk.post(url, {"reason": ""}).status_code == 422
    for _ in range(2):
        assert as_clerk.post(url, {"reason": "Wrong customer"}).status_code == 303
    assert sorted(InvoiceLine.objects.values_list("amount", flat=True)) == [-5000, 5000]
    assert AuditEntry.objects.get(action="take_back_charge").reason == "Wrong customer"
    assert url not in as_clerk.get(url_of("customer_invoices", plus_customer)).text


def test_what_is_billed_is_not_taken_back(as_clerk, plus_customer, at):
    add(as_clerk, plus_customer)
    line = InvoiceLine.objects.get()
    calculated(plus_customer, 4900)
    url = url_of("customer_invoices_take_back", plus_customer, line.pk)
    assert as_clerk.get(url).status_code == 404
    assert "on a document already" in as_clerk.post(url, {"reason": "Late"}, follow=True).text
    assert InvoiceLine.objects.filter(amount__lt=0).count() == 0


def test_it_finds_the_customer_to_charge(as_clerk, plus_customer):
    assert reverse("admin:invoices_invoice_charge") in as_clerk.get(reverse("admin:invoices_invoice_changelist")).text
    found = as_clerk.get(reverse("admin:invoices_invoice_charge"), {"q": "wonder"}).text
    assert url_of("customer_invoices_charge", plus_customer) in found
    assert (
        "No customer has this name or key."
        in as_clerk.get(reverse("admin:invoices_invoice_charge"), {"q": "\x00 %"}).text
    )


def test_it_pages_through_the_invoices(as_clerk, plus_customer, at, django_assert_max_num_queries):
    for number in range(55):
        open_invoice(plus_customer, 100 + number, at=at + timedelta(seconds=number))
    url = url_of("customer_invoices", plus_customer)
    first = as_clerk.get(url).text
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    with django_assert_max_num_queries(15):
        second = as_clerk.get(url + older[1]).text
    numbers = [set(re.findall(r"INV-2026-\d{6}", text)) for text in (first, second)]
    assert [len(found) for found in numbers] == [50, 5]
    assert not numbers[0] & numbers[1]
    assert as_clerk.get(url, {"before": "x"}).text.count("INV-2026-") == first.count("INV-2026-")


@pytest.mark.parametrize("name", ["customer_invoices_charge", "customer_invoices_take_back", "charge_whom"])
def test_it_is_for_who_may_move_money(client, alice, trainee, auditor, supporter, clerk, log_in, as_clerk,
                                      plus_customer, name, django_assert_max_num_queries):  # fmt: skip
    add(as_clerk, plus_customer)
    args = [InvoiceLine.objects.get().pk] if name.endswith("take_back") else []
    url = reverse("admin:invoices_invoice_charge") if name == "charge_whom" else url_of(name, plus_customer, *args)
    assert client.get(url).status_code == 302
    assert log_in(alice).get(url, follow=True).status_code == 403
    for person in (trainee, auditor, supporter):
        assert log_in(person).get(url).status_code == 403
        assert log_in(person).post(url).status_code == 403 or name == "charge_whom"
    in_charge = log_in(clerk)
    with django_assert_max_num_queries(15):
        assert in_charge.get(url).status_code == 200


def test_who_only_reads_gets_no_buttons(auditor, log_in, as_clerk, plus_customer):
    add(as_clerk, plus_customer)
    text = log_in(auditor).get(url_of("customer_invoices", plus_customer)).text
    assert "Onboarding workshop" in text
    assert "Add a charge" not in text
    assert "Take back" not in text
