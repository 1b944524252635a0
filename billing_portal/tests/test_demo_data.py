from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Customer, Notice
from billing_portal.demo import DEMO_LOGINS
from core import clock, formats
from credits.selectors import balance
from invoices.models import Invoice, InvoiceLine

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


@pytest.fixture
def seeded(transactional_db):
    with clock.travel_to(NOW):
        call_command("seed_demo", "--if-empty")
        yield


def test_it_tells_a_story_whose_books_agree(seeded, client, capsys):
    """One test, because making six months of history takes longer than everything that is asked of it."""
    the_books_agree_and_everybody_can_log_in(client, capsys)
    a_filled_database_is_left_alone(capsys)
    the_free_customer_has_nearly_used_up_what_is_included(client)
    the_plus_customer_was_billed_and_paid_every_month(client)
    the_prepaid_customer_is_nearly_out_of_credit_and_was_told(client)
    an_invoice_of_the_plus_customer_was_paid_with_credits(client)
    another_one_bills_usage_that_came_late(client)
    somebody_owes_and_reads_why(client)


def the_books_agree_and_everybody_can_log_in(client, capsys):
    call_command("check_books")
    assert "The books agree." in capsys.readouterr().out
    for login in DEMO_LOGINS:
        assert client.login(email=login["email"], password=login["password"]), login["email"]


def a_filled_database_is_left_alone(capsys):
    capsys.readouterr()
    call_command("seed_demo", "--if-empty")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="empty"):
        call_command("seed_demo")


def the_free_customer_has_nearly_used_up_what_is_included(client):
    client.login(email="free@example.com", password=DEMO_LOGINS[0]["password"])
    with clock.travel_to(NOW):
        page = client.get("/settings/billing/").content.decode()
    assert "4,625" in page
    assert "of 5,000 included" in page


def the_plus_customer_was_billed_and_paid_every_month(client):
    client.login(email="plus@example.com", password=DEMO_LOGINS[1]["password"])
    page = client.get("/settings/billing/portal/").content.decode()
    assert page.count("View invoice INV-2026-") == 6
    with clock.travel_to(NOW + timedelta(minutes=1)):
        assert "Meridian Plus" in client.get("/settings/billing/").content.decode()


def the_prepaid_customer_is_nearly_out_of_credit_and_was_told(client):
    client.login(email="credits@example.com", password=DEMO_LOGINS[3]["password"])
    customer = Customer.objects.get(name="Cobalt Labs")
    with clock.travel_to(NOW):
        page = client.get("/settings/billing/credits/").content.decode()
    have = balance(customer.pk, "USD", NOW)
    assert 0 < have.available < 500
    for words in ("Available now", "Starting credits", "Sorry for the outage", formats.money(have.available, "USD")):
        assert words in page
    told = Notice.objects.filter(customer=customer, sent_at__isnull=False).values_list("template", flat=True)
    assert {"credits_granted", "credits_expiring", "credits_low"} <= set(told)


def an_invoice_of_the_plus_customer_was_paid_with_credits(client):
    client.login(email="plus@example.com", password=DEMO_LOGINS[1]["password"])
    invoice = Invoice.objects.get(customer__name="Plume Analytics SARL", credits__gt=0)
    assert (invoice.credits, invoice.status) == (2_000, "paid")
    assert "Thank you" in client.get(f"/settings/billing/invoices/{invoice.public_id}/").content.decode()


def another_one_bills_usage_that_came_late(client):
    line = InvoiceLine.objects.get(invoice__customer__name="Plume Analytics SARL", key__contains=":late:")
    assert (line.invoice.status, line.amount) == ("paid", 240)
    assert "late usage" in client.get(f"/settings/billing/invoices/{line.invoice.public_id}/").content.decode()


def somebody_owes_and_reads_why(client):
    client.login(email="overdue@example.com", password=DEMO_LOGINS[4]["password"])
    with clock.travel_to(NOW):
        page = client.get("/settings/billing/").content.decode()
    assert "Past due" in page
    assert "declined" in page
