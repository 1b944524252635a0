"""In a real browser: to the bank's page and back to a paid invoice; and the looks of what the processor told."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.gateways.base import Outcome
from accounts.tests.cards import VISA
from billing_portal.models import Run, RunKind
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems_on
from core.clock import now, travel_to
from invoices.models import GatewayEvent, Refund
from invoices.resolving import look_at_payment
from invoices.services.handle_events import handle_events
from invoices.services.record_refund import record_refund
from invoices.tests.cast import open_invoice
from invoices.tests.late import succeeds_after_all, to_sandbox, tried, waiting

pytestmark = pytest.mark.django_db(transaction=True)

DECLINED = Outcome("declined", "expired_or_canceled_card")


@pytest.fixture
def invoice(seller, customer, at):
    with travel_to(at):
        yield open_invoice(customer, 4900, at=at)


def page_of(payment):
    return reverse("payment_status", args=[payment.invoice.public_id, payment.public_id])


@pytest.mark.parametrize("script", [True, False])
def test_a_person_confirms_with_their_bank_and_the_invoice_is_paid(
    script, request, invoice, processor, alice, at, log_in
):
    payment = waiting(invoice, at)
    page = enter(request.getfixturevalue("page" if script else "page_without_js"), log_in(alice))
    page.goto(page_of(payment))
    page.get_by_role("button", name="Confirm with your bank").click()
    page.wait_for_url(f"{processor.url}/bank/**")
    page.get_by_role("button", name="Confirm").first.click()
    page.wait_for_url(f"**/invoices/{invoice.public_id}/")
    expect(page.get_by_role("main")).to_contain_text("Receipt RCP-2026-000001")
    assert processor.charges() == [(payment.key, "succeeded")]


def test_nobody_is_kept_out(page, log_in, clerk, alice, invoice, processor, customer, at):
    late, paid = tried(invoice, at), tried(invoice, at, VISA)
    succeeds_after_all(processor, late)
    look_at_payment(late, at)
    refund = Refund.objects.get()
    processor.open_dispute(paid.gateway_id)
    processor.send_webhooks(to_sandbox)
    handle_events(at=now())
    event = GatewayEvent.objects.filter(type="charge.dispute.created").get()
    note = {
        "rule": "is compared with the processor",
        "subject": "processor:sandbox",
        "detail": "no answer",
        "note": True,
    }
    Run.objects.create(kind=RunKind.BOOKS, at=at, started_at=at, ended_at=at, findings=[note])
    record_refund(refund_id=refund.pk, outcome=DECLINED, at=at)
    waits = waiting(open_invoice(customer, 900, at=at), at)
    names = ("index", "runs_books", "invoices_gatewayevent_changelist", "invoices_dispute_changelist", "attention")
    paths = [
        *(reverse(f"admin:{name}") for name in names),
        reverse("admin:invoices_gatewayevent_change", args=[event.pk]),
        reverse("admin:invoices_invoice_change", args=[invoice.pk]),
        reverse("admin:invoices_payment_change", args=[paid.pk]),
        reverse("admin:attention_refund", args=[refund.public_id]),
    ]
    found = problems_on(enter(page, log_in(clerk)), paths)
    assert found | problems_on(enter(page, log_in(alice)), [page_of(waits)]) == {}
