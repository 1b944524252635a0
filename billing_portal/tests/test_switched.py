"""A form that was shown for one customer, sent after another was chosen in another tab: nothing is written."""

import re

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, BillingProfile, Membership, Role
from core.clock import now
from invoices.tests.cast import open_invoice
from plans.models import ChangeQuote
from plans.services.open_default_subscription import open_default_subscription
from plans.tests.test_start import DETAILS

SHOWN = [
    ("plan_upgrade", ["plus"]),
    ("contact_sales", []),
    ("pm_add", []),
    ("billing_details", []),
    ("members", []),
    ("api_tokens", []),
    ("billing_notifications", []),
    ("correction_add", []),
    ("billing_clock", []),
    ("credits_top_up", []),
    ("portal", []),
]
HIDDEN = re.compile(r'<input type="hidden" name="for_customer" value="([^"]+)">')


@pytest.fixture
def both(seller, catalogue, customer, other_customer, alice, log_in, at):
    """alice, who belongs to two customers and looks at the first."""
    for one in (customer, other_customer):
        open_default_subscription(customer_id=one.pk, at=at, actor=None)
    open_invoice(customer, 4_900, at=now())
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_ADMIN)
    return log_in(alice)


def main(response):
    return response.content.decode().partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize(("name", "args"), SHOWN)
def test_every_form_says_for_whom_it_was_shown_and_is_refused_for_anybody_else(
    both, customer, other_customer, name, args
):
    url = reverse(name, args=args)
    forms = re.findall(r'<form method="post".*?</form>', main(both.get(url)), re.DOTALL)
    assert forms
    assert [HIDDEN.findall(form) for form in forms] == [[customer.key]] * len(forms)
    both.post(reverse("switch_customer"), {"customer": other_customer.key})
    before = AuditEntry.objects.count()

    for form in forms:
        sent_to = re.search(r'^<form[^>]* action="([^"]+)"', form)
        answer = both.post(sent_to[1] if sent_to else url, {**DETAILS, "for_customer": customer.key})

        assert answer.status_code == 409
        assert "You have changed to Stranger Inc in another tab" in answer.content.decode()
    assert AuditEntry.objects.count() == before


def test_it_is_taken_for_the_customer_it_was_shown_for(both, customer):
    answer = both.post(reverse("billing_details"), {**DETAILS, "for_customer": customer.key})

    assert answer.status_code == 303
    assert BillingProfile.objects.get(customer=customer).city == "Berlin"


def test_the_frame_and_log_in_ask_for_no_customer(both, client):
    page = both.get(reverse("settings")).content.decode()

    assert "<form" in page
    assert HIDDEN.search(page + client.get(reverse("account_login")).content.decode()) is None


def test_htmx_is_told_in_a_banner(both, customer, other_customer):
    both.post(reverse("switch_customer"), {"customer": other_customer.key})

    answer = both.post(
        reverse("plan_costs", args=["plus"]),
        {"country": "FR", "for_customer": customer.key},
        headers={"HX-Request": "true"},
    )

    assert (answer.status_code, answer["HX-Retarget"]) == (409, "#notices")


def test_the_details_of_a_quote_nobody_has_seen_are_kept_on_the_page_and_not_saved(both, customer, other_customer):
    """A page of before, which does not say for whom it was shown."""
    both.get(reverse("plan_upgrade", args=["plus"]))
    quote = ChangeQuote.objects.latest("pk")
    both.post(reverse("switch_customer"), {"customer": other_customer.key})
    before = BillingProfile.objects.filter(customer=other_customer).values().get()

    answer = both.post(reverse("plan_upgrade", args=["plus"]), {**DETAILS, "quote": quote.public_id})

    assert answer.status_code == 409
    assert BillingProfile.objects.filter(customer=other_customer).values().get() == before
    assert 'value="1 Rabbit Hole"' in main(answer)
