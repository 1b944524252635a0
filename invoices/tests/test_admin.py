from functools import cache

import pytest
from django.urls import reverse

from accounts.tests.cards import add_card
from core.tests.recorded import Recorded
from invoices.services.collect_payment import collect_payment
from invoices.services.deliver_documents import deliver_documents
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import open_invoice

MODELS = ("invoice", "payment", "document", "invoicesequence", "seller")


def paid_and_rendered(customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    submit_payment(payment_id=payment.pk, at=at)
    deliver_documents(at=at)


_paid = cache(lambda at: Recorded(lambda customer, alice: paid_and_rendered(customer, alice, at)))


@pytest.fixture
def client(seller, customer, alice, staff, at, log_in):
    _paid(at).again(customer, alice)
    return log_in(staff)


@pytest.mark.parametrize("model", MODELS)
def test_staff_look_at_everything(client, model):
    page = client.get(reverse(f"admin:invoices_{model}_changelist"))
    assert page.status_code == 200
    assert page.context["cl"].result_count >= 1
    shown = page.context["cl"].result_list[0]
    assert client.get(reverse(f"admin:invoices_{model}_change", args=[shown.pk])).status_code == 200


@pytest.mark.parametrize("model", MODELS[:4])
def test_nothing_that_was_issued_is_changed_by_a_form(client, model):
    shown = client.get(reverse(f"admin:invoices_{model}_changelist")).context["cl"].result_list[0]
    assert client.get(reverse(f"admin:invoices_{model}_add")).status_code == 403
    assert client.post(reverse(f"admin:invoices_{model}_change", args=[shown.pk]), {}).status_code in (403, 405)
    assert client.post(reverse(f"admin:invoices_{model}_delete", args=[shown.pk]), {"post": "yes"}).status_code == 403


def test_figures_are_written_as_people_read_them(client):
    assert "$49.00" in client.get(reverse("admin:invoices_invoice_changelist")).content.decode()
