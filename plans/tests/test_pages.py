"""The pages of this room: whom they show what, with and without HTMX, and what they refuse."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlparse

import pytest
from django.urls import reverse

from accounts.models import Membership, PaymentMethod, Role
from accounts.services.update_billing_profile import update_billing_profile
from core.clock import travel_to
from invoices.models import Invoice
from invoices.services.finalize_invoices import finalize_invoices
from plans.models import ChangeQuote, Plan, QuoteKind
from plans.seed import prepaid_plan
from plans.selectors import current_subscription
from plans.services.calculate_charges import calculate_charges
from plans.services.open_contract import open_contract
from plans.services.publish_plan import publish_plan
from plans.tests.conftest import add_card, send

LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)
DETAILS = {
    "legal_name": "Wonder Ltd",
    "line1": "1 Rabbit Hole",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
    "recipients": "ap@example.com",
}
INQUIRY = {"name": "Alice", "email": "alice@example.com", "company": "Wonder Ltd", "message": "Call me", "volume": ""}
HTMX = {"HX-Request": "true"}

PAGES = [
    ("plan_change", []),
    ("plan_upgrade", ["plus"]),
    ("plan_cancel", []),
    ("contact_sales", []),
]


@pytest.fixture(autouse=True)
def _now(at):
    with travel_to(LATER):
        yield


@pytest.fixture
def contract(free, customer, catalogue):
    return open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=LATER, actor=None)


def text(response):
    return response.content.decode()


def plan_of(customer):
    current = current_subscription(customer.pk)
    assert current is not None
    return current.plan.key


def newest_quote(kind):
    return ChangeQuote.objects.filter(kind=kind).latest("pk")


# --- who sees them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "args"), PAGES)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_it_shows_every_page_to_the_billing_admin(free, as_alice, name, args, headers):
    response = as_alice.get(reverse(name, args=args), headers=headers)

    assert response.status_code == (303 if name == "plan_cancel" else 200)


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_it_asks_strangers_to_log_in(client, name, args):
    response = client.get(reverse(name, args=args))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(("name", "args"), PAGES)
def test_it_tells_members_who_can(free, dora, log_in, name, args):
    response = log_in(dora).get(reverse(name, args=args))

    assert response.status_code == 403
    assert "alice@example.com" in text(response)


@pytest.mark.parametrize(("name", "args"), PAGES[1:])
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_lets_viewers_change_nothing(plus, bob, customer, log_in, name, args, method):
    response = getattr(log_in(bob), method)(reverse(name, args=args))

    assert (response.status_code, plan_of(customer)) == (403, "plus")


def test_it_shows_viewers_the_plans_without_buttons(free, bob, log_in):
    page = text(log_in(bob).get(reverse("plan_change")))

    assert "Current plan" in page
    assert reverse("plan_upgrade", args=["plus"]) not in page
    assert "alice@example.com" in page


def test_it_does_not_carry_out_a_quote_of_a_stranger(plus, other_customer, charlie, customer, as_alice, log_in):
    as_alice.get(reverse("plan_cancel"))
    quote = newest_quote(QuoteKind.CANCEL)

    client = log_in(charlie)
    client.post(reverse("plan_cancel"), {"quote": quote.public_id})
    back = client.get(reverse("plan_upgrade_return", args=["plus"]), {"quote": quote.public_id})

    assert (plan_of(customer), back.status_code) == ("plus", 404)


@pytest.mark.parametrize(("name", "queries"), [("plan_change", 8), ("plan_cancel", 15), ("contact_sales", 4)])
def test_it_pins_the_number_of_queries(plus, as_alice, django_assert_max_num_queries, name, queries):
    with django_assert_max_num_queries(queries):
        as_alice.get(reverse(name))


# --- «Change Plan» ---------------------------------------------------------------------------------------------------


def test_it_offers_upgrade_and_sales_on_free(free, as_alice):
    page = text(as_alice.get(reverse("plan_change")))

    assert "Change Plan</h1>" in page
    assert ">Upgrade<" in page
    assert ">Contact Sales<" in page
    assert "Cancel Plan" not in page
    assert "$49.00" in page


def test_it_offers_to_cancel_on_plus(plus, as_alice):
    page = text(as_alice.get(reverse("plan_change")))

    assert ">Cancel Plan<" in page
    assert ">Upgrade<" not in page


def test_it_offers_nothing_under_a_contract(contract, as_alice):
    page = text(as_alice.get(reverse("plan_change")))

    assert "There is no self-serve downgrade option for Enterprise plans." in page
    assert not any(label in page for label in (">Upgrade<", ">Cancel Plan<", ">Contact Sales<"))


def test_it_shows_a_plan_that_staff_assign_to_those_who_are_on_it(free, customer, as_alice, at):
    prepaid = prepaid_plan(at)
    assert "Prepaid" not in text(as_alice.get(reverse("plan_change")))
    open_contract(customer_id=customer.pk, plan=prepaid, at=LATER, actor=None)
    page = text(as_alice.get(reverse("plan_change")))
    assert "Prepaid" in page
    assert "$0.01 per 1,000 tokens" in page


def test_it_shows_the_price_list_that_the_customer_keeps(plus, as_alice, at):
    publish_plan(plan=Plan.objects.create(key="plus", version=2, name="Plus", currency="USD"), at=at, actor=None)

    assert "You keep price list v1 until you change plan." in text(as_alice.get(reverse("plan_change")))


def test_it_asks_for_the_overdue_invoice_first(plus, customer, as_alice):
    [draft] = calculate_charges(subscription_ids=[plus.pk], at=datetime(2026, 11, 17, 2, tzinfo=UTC))
    finalize_invoices(invoice_ids=[draft.pk], at=datetime(2026, 11, 20, 1, tzinfo=UTC))
    with travel_to(datetime(2026, 12, 5, tzinfo=UTC)):
        as_alice.get(reverse("plan_cancel"))
        as_alice.post(reverse("plan_cancel"), {"quote": newest_quote(QuoteKind.CANCEL).public_id})
        page = text(as_alice.get(reverse("plan_change")))
        upgrade = as_alice.get(reverse("plan_upgrade", args=["plus"]), follow=True)

    assert "Pay the overdue invoice first" in page
    assert ">Upgrade<" not in page
    assert "Pay the overdue invoice first." in text(upgrade)


# --- «Subscribe» -----------------------------------------------------------------------------------------------------


def post_upgrade(client, **values):
    client.get(reverse("plan_upgrade", args=["plus"]))
    quote = newest_quote(QuoteKind.SUBSCRIBE)
    return client.post(reverse("plan_upgrade", args=["plus"]), {**DETAILS, "quote": quote.public_id, **values})


def test_it_says_what_is_due_today_and_when_the_first_bill_comes(free, as_alice):
    page = text(as_alice.get(reverse("plan_upgrade", args=["plus"])))

    assert "$0.00" in page
    assert "30 Nov 2026" in page
    assert "27 Nov 2026" in page
    assert (
        "You are not billed at sign-up. Users are billed monthly on the subscription date, and charges are"
        " calculated three days before the billing date." in page
    )
    assert "Meridian Cloud SAS" in page


def test_it_estimates_the_tax_of_the_customers_country(free, customer, as_alice, at):
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=None)

    page = text(as_alice.get(reverse("plan_upgrade", args=["plus"])))

    assert "VAT 20 % of $49.00" in page
    assert "$58.80" in page


def test_it_starts_plus_when_a_card_is_there(free, customer, as_alice, at):
    add_card(customer, at)

    response = post_upgrade(as_alice)

    assert (response.status_code, response["Location"]) == (303, reverse("billing_overview"))
    assert plan_of(customer) == "plus"
    customer.billing_profile.refresh_from_db()
    assert customer.billing_profile.recipients == ["ap@example.com"]


def test_it_goes_by_the_card_page_and_starts_plus_on_return(free, customer, as_alice, at):
    response = post_upgrade(as_alice)

    url = urlparse(response["Location"])
    back = parse_qs(url.query)["next"][0]
    assert (response.status_code, url.path, plan_of(customer)) == (303, reverse("pm_add"), "free")

    add_card(customer, at)
    for _ in range(2):
        response = as_alice.get(back)
        assert (response.status_code, response["Location"]) == (303, reverse("billing_overview"))
    assert plan_of(customer) == "plus"
    assert ChangeQuote.objects.exclude(completed_at=None).count() == 1


def test_it_comes_back_to_the_customer_it_was_confirmed_for(free, customer, alice, as_alice, other_customer, at):
    back = parse_qs(urlparse(post_upgrade(as_alice)["Location"]).query)["next"][0]
    add_card(customer, at)
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_ADMIN)
    as_alice.post(reverse("switch_customer"), {"customer": other_customer.key})

    assert as_alice.get(back).status_code == 303
    assert plan_of(customer) == "plus"


def test_it_stays_on_free_when_no_card_was_added(free, customer, as_alice):
    back = parse_qs(urlparse(post_upgrade(as_alice)["Location"]).query)["next"][0]

    response = as_alice.get(back, follow=True)

    assert "No card was added. Nothing was charged and you are still on Meridian Free." in text(response)
    assert plan_of(customer) == "free"


def test_it_starts_nothing_that_nobody_has_confirmed(free, customer, as_alice, at):
    add_card(customer, at)
    as_alice.get(reverse("plan_upgrade", args=["plus"]))

    response = as_alice.get(
        reverse("plan_upgrade_return", args=["plus"]), {"quote": newest_quote(QuoteKind.SUBSCRIBE).public_id}
    )

    assert (response.status_code, plan_of(customer)) == (404, "free")


def test_it_keeps_what_was_typed_when_something_is_missing(free, customer, as_alice):
    response = post_upgrade(as_alice, line1="", city="Potsdam")

    page = text(response)
    assert response.status_code == 422
    assert "There is a problem" in page
    assert 'href="#id_line1"' in page
    assert 'value="Potsdam"' in page
    assert plan_of(customer) == "free"


def test_it_shows_before_and_now_when_the_price_list_changed(free, customer, as_alice, at):
    add_card(customer, at)
    as_alice.get(reverse("plan_upgrade", args=["plus"]))
    quote = newest_quote(QuoteKind.SUBSCRIBE)
    dearer = Plan.objects.create(key="plus", version=2, name="Plus", currency="USD")
    dearer.rate_cards.create(key="base-fee", name="Plus monthly fee", model="flat", amount=5_900)
    publish_plan(plan=dearer, at=at, actor=None)

    response = as_alice.post(reverse("plan_upgrade", args=["plus"]), {**DETAILS, "quote": quote.public_id})

    page = text(response)
    assert response.status_code == 409
    assert "$49.00 per month" in page
    assert "$59.00 per month" in page
    assert plan_of(customer) == "free"


def test_it_says_so_on_a_double_submit(free, customer, as_alice, at):
    add_card(customer, at)
    post_upgrade(as_alice)

    again = as_alice.get(reverse("plan_upgrade", args=["plus"]), follow=True)

    assert "You&#x27;re already on Meridian Plus." in text(again)


@pytest.mark.parametrize("slug", ["free", "enterprises", "gold"])
def test_it_does_not_know_other_plans(free, as_alice, slug):
    assert as_alice.get(reverse("plan_upgrade", args=[slug])).status_code == 404


# --- «Confirm Downgrade» ---------------------------------------------------------------------------------------------


def test_it_shows_the_final_invoice_before_and_charges_it_after(plus, customer, as_alice, at):
    send(customer, at + timedelta(days=1), tokens=3_000_000)
    page = text(as_alice.get(reverse("plan_cancel")))
    assert "$49.00 × 11 of 31 days" in page
    assert "Plus monthly fee, 20 Oct – 30 Oct 2026" in page
    assert "AI tokens, 20 Oct, 10:00 – 31 Oct 2026, 14:05 UTC" in page
    assert "$23.39" in page

    response = as_alice.post(reverse("plan_cancel"), {"quote": newest_quote(QuoteKind.CANCEL).public_id}, follow=True)

    invoice = Invoice.objects.get()
    assert invoice.total == 2_339
    final = f'<a href="{reverse("invoice", args=[invoice.public_id])}">View invoice</a>'
    assert f"Your plan is now Meridian Free. Final Meridian Plus invoice: $23.39. {final}" in text(response)


def test_it_answers_409_with_the_new_total_when_usage_came(plus, customer, as_alice, at):
    as_alice.get(reverse("plan_cancel"))
    quote = newest_quote(QuoteKind.CANCEL)
    send(customer, at + timedelta(days=1), tokens=3_000_000)

    response = as_alice.post(reverse("plan_cancel"), {"quote": quote.public_id})

    page = text(response)
    assert response.status_code == 409
    assert "The total changed from $17.39 to $23.39." in page
    assert newest_quote(QuoteKind.CANCEL).public_id in page
    assert plan_of(customer) == "plus"


@pytest.mark.parametrize("values", [{}, {"quote": "quo_unknown"}, {"quote": "quo\x00"}])
def test_it_confirms_nothing_that_was_not_shown(plus, customer, as_alice, values):
    response = as_alice.post(reverse("plan_cancel"), values)

    assert (response.status_code, plan_of(customer)) == (409, "plus")


def test_it_says_what_becomes_of_an_announced_charge(plus, customer, as_alice):
    calculate_charges(subscription_ids=[plus.pk], at=datetime(2026, 11, 17, 2, tzinfo=UTC))
    with travel_to(datetime(2026, 11, 18, tzinfo=UTC)):
        page = text(as_alice.get(reverse("plan_cancel")))

    assert "The $49.00 announced for" in page


def test_it_promises_an_invoice_where_there_is_no_card(plus, customer, as_alice):
    PaymentMethod.objects.filter(customer=customer).update(deleted_at=LATER, is_default=False)

    page = text(as_alice.get(reverse("plan_cancel")))

    assert "We'll send an invoice for <strong>$17.39</strong> payable by" in page
    assert "14 Nov 2026" in page


def test_it_says_that_nothing_is_owed_on_the_first_day(plus, as_alice, at):
    with travel_to(at + timedelta(hours=1)):
        assert "Nothing to pay." in text(as_alice.get(reverse("plan_cancel")))


def test_it_sends_free_customers_back(free, as_alice):
    assert as_alice.get(reverse("plan_cancel"))["Location"] == reverse("billing_overview")


# --- under a contract ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "args"), PAGES[1:])
def test_it_refuses_every_post_under_a_contract_and_names_the_contact(contract, as_alice, name, args):
    response = as_alice.post(reverse(name, args=args), {**DETAILS, **INQUIRY})

    assert response.status_code == 403
    assert "sales@example.com" in text(response)


@pytest.mark.parametrize("name", ["plan_cancel", "contact_sales"])
def test_it_has_no_form_under_a_contract(contract, as_alice, name):
    page = text(as_alice.get(reverse(name)))

    assert "sales@example.com" in page
    assert "Confirm Downgrade" not in page
    assert 'name="message"' not in page
