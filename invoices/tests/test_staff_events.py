"""Staff's list and page of events, «Replay», and what they see of disputes."""

import pytest
from django.urls import reverse

from accounts.gateways.base import ProcessorEvent
from accounts.models import AuditEntry
from accounts.tests.cards import LOSES_ANSWER, VISA
from core.clock import travel_to
from invoices.models import GatewayEvent
from invoices.services.handle_events import handle_events
from invoices.services.receive_event import receive_event
from invoices.tests.cast import open_invoice
from invoices.tests.late import succeeds_after_all, to_sandbox, tried

LIST = "admin:invoices_gatewayevent_changelist"


@pytest.fixture(autouse=True)
def _then(at):
    with travel_to(at):
        yield


@pytest.fixture
def invoice(seller, customer, at):
    return open_invoice(customer, 4900, at=at)


@pytest.fixture
def payment(invoice, processor, at):
    payment = tried(invoice, at, LOSES_ANSWER)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    payment.refresh_from_db()
    return payment


@pytest.fixture
def event(payment):
    return GatewayEvent.objects.get(type="payment_intent.succeeded")


def page_of(event, name="change"):
    return reverse(f"admin:invoices_gatewayevent_{name}", args=[event.pk])


def test_the_list_says_what_came_of_each(as_clerk, event, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        page = as_clerk.get(reverse(LIST)).content.decode()
    assert event.event_id in page
    assert "Now succeeded." in page


@pytest.mark.parametrize("by", ["event_id", "object_id", "intent_id", "key"])
def test_it_is_found_by_each_of_its_ids(as_clerk, event, by):
    page = as_clerk.get(reverse(LIST), {"q": getattr(event, by)}).content.decode()
    assert event.event_id in page
    assert event.event_id not in as_clerk.get(reverse(LIST), {"q": "pi_nobody"}).content.decode()


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"type": "payment_intent.succeeded"}, True),
        ({"type": "refund.updated"}, False),
        ({"status__exact": "done"}, True),
        ({"status__exact": "failed"}, False),
        ({"gateway": "sandbox"}, True),
        ({"gateway": "stripe"}, False),
    ],
)
def test_it_is_filtered_by_type_status_and_processor(as_clerk, event, query, shown):
    assert (event.event_id in as_clerk.get(reverse(LIST), query).content.decode()) is shown


def test_the_file_holds_the_rows_of_the_list_and_no_contents(as_clerk, event):
    answer = as_clerk.get(reverse("admin:invoices_gatewayevent_csv"), {"status__exact": "done"})
    text = b"".join(answer.streaming_content).decode()
    assert event.event_id in text
    assert "last4" not in text


def test_the_page_shows_what_it_said_and_what_it_did(as_clerk, event, payment, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        page = as_clerk.get(page_of(event)).content.decode()
    assert "Now succeeded." in page
    assert reverse("admin:invoices_payment_change", args=[payment.pk]) in page
    assert "&quot;amount&quot;: 4900" in page
    assert "client_secret" not in page
    assert "Replay" in page


def test_it_is_replayed_from_its_page(as_clerk, clerk, event, at):
    answer = as_clerk.post(page_of(event, "replay"), {"reason": "To be sure"})
    assert (answer.status_code, answer.headers["Location"]) == (303, page_of(event))
    event.refresh_from_db()
    assert event.status == "waiting"
    assert AuditEntry.objects.get(action="replay_event").actor == clerk
    assert handle_events(at=at) == 1


def test_a_replay_wants_a_reason(as_clerk, event):
    assert as_clerk.post(page_of(event, "replay"), {"reason": ""}).status_code == 422
    event.refresh_from_db()
    assert event.status == "done"


def test_who_may_only_look_finds_no_replay(event, auditor, log_in):
    client = log_in(auditor)
    assert "What it said" in client.get(page_of(event)).content.decode()
    assert page_of(event, "replay") not in client.get(page_of(event)).content.decode()
    refused = client.post(page_of(event, "replay"), {"reason": "x"})
    assert (refused.status_code, "Metering &amp; Billing Admin" in refused.content.decode()) == (403, True)


def test_an_event_that_is_not_there_is_not_found(as_clerk, db):
    assert as_clerk.get("/admin/invoices/gatewayevent/999/change/").status_code == 404


def test_one_that_is_not_ours_says_so(as_clerk, at, db):
    foreign = ProcessorEvent("evt_9", "payment_intent.succeeded", at, "pi_9", "pi_9")
    event = receive_event(gateway="sandbox", event=foreign, at=at)
    handle_events(at=at)
    assert "Not ours" in as_clerk.get(page_of(event)).content.decode()


def test_a_dispute_stands_on_the_invoice_its_payment_and_the_work_list(as_clerk, invoice, processor, at):
    payment = tried(invoice, at, VISA)
    dispute_id = processor.open_dispute(payment.gateway_id)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    for name, row in (("invoice", invoice), ("payment", payment)):
        page = as_clerk.get(reverse(f"admin:invoices_{name}_change", args=[row.pk])).content.decode()
        assert dispute_id in page
        assert "The portal moves no money by them" in page
    assert "$49.00, needs response (fraudulent)" in as_clerk.get(reverse("admin:index")).content.decode()
    disputes = reverse("admin:invoices_dispute_changelist")
    assert dispute_id in as_clerk.get(disputes, {"closed_at__isempty": "1"}).content.decode()

    processor.close_dispute(dispute_id, won=True)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    assert "needs response" not in as_clerk.get(reverse("admin:index")).content.decode()
    assert dispute_id not in as_clerk.get(disputes, {"closed_at__isempty": "1"}).content.decode()


def test_money_that_came_too_late_is_explained(as_clerk, invoice, processor, at):
    late = tried(invoice, at)
    tried(invoice, at, VISA)
    succeeds_after_all(processor, late)
    processor.send_webhooks(to_sandbox)
    handle_events(at=at)
    page = as_clerk.get(reverse("admin:invoices_invoice_change", args=[invoice.pk])).content.decode()
    assert "Came too late" in page
    assert "None: it came too late" in page
    refund = late.refunds.get()
    page = as_clerk.get(reverse("admin:attention_refund", args=[refund.public_id])).content.decode()
    assert f"Refund of {invoice.number}" in page
