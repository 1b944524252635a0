"""The summary of «Subscribe» follows what is typed, before anything is stored."""

import re

import pytest
from django.urls import reverse

from accounts.models import BillingProfile
from core.clock import travel_to
from invoices.totals import NO_TAX
from plans.costs import costs
from plans.models import Plan, PriceTier
from plans.seed import prepaid_plan
from plans.services.open_contract import open_contract
from plans.tests.conftest import new_plan, send, tokens_card
from plans.tests.test_pages import LATER

URL = "/settings/billing/plan/plus/costs/"
GERMAN = "DE136695976"


def text(response):
    return " ".join(response.content.decode().split())


@pytest.fixture(autouse=True)
def _now():
    with travel_to(LATER):
        yield


@pytest.fixture
def typed(free, alice, log_in):
    client = log_in(alice)
    return lambda **values: client.post(URL, values, headers={"HX-Request": "true"})


def test_the_tax_follows_the_country(typed):
    french, american = text(typed(country="FR")), text(typed(country="US"))
    assert "VAT 20 % of $49.00" in french
    assert "$58.80" in french
    assert "VAT" not in american
    assert "If you use nothing: $49.00 per month" in american


def test_using_nothing_costs_the_minimum_too(free, alice, customer, log_in, at):
    new_plan("pro", cards=[tokens_card("0.01", 1_000, minimum_amount=9_000)], at=at)
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    client = log_in(alice)
    page = text(client.get(reverse("plan_upgrade", args=["pro"])))
    swapped = text(client.post(reverse("plan_costs", args=["pro"]), {"country": "FR"}, headers={"HX-Request": "true"}))
    for shown in (page, swapped):
        assert 'Usage, even if there is none</th><td class="num">$90.00</td>' in shown
        assert "VAT 20 % of $189.00" in shown
        assert '<td class="num">$226.80</td>' in shown
    assert "If you use nothing: $226.80 per month" in swapped


def test_using_nothing_costs_the_flat_price_of_a_first_tier(free, at):
    draft = Plan.objects.create(key="tiered", name="Tiered", currency="USD")
    card = draft.rate_cards.create(**{**tokens_card("0"), "model": "graduated", "unit_amount": None})
    PriceTier.objects.create(rate_card=card, up_to=1_000, flat_amount=2_000)
    PriceTier.objects.create(rate_card=card, unit_amount=1)
    plan = Plan.objects.with_cards().get(pk=draft.pk)
    found = costs(plan, NO_TAX, None, at, is_placed=True)
    assert (found.fee, found.unused, found.minimum) == (0, 2_000, 2_000)


def test_without_a_country_the_tax_is_not_known(typed):
    for country in ("", "XX", "F\x00"):
        assert "by your country" in text(typed(country=country))


@pytest.mark.parametrize(
    ("country", "tax_id", "hint"),
    [
        ("DE", GERMAN, "Valid VAT number (Germany). Reverse charge: 0 % VAT."),
        ("DE", "DE136695977", "This is not a valid VAT number of this country (Germany). Please check it."),
        ("AT", GERMAN, "This is not a valid VAT number of this country (Austria). Please check it."),
        ("FR", "FR40303265045", "Valid VAT number (France). It does not change the tax."),
        ("US", "12-3456789", "It is printed on your invoices. It does not change the tax."),
    ],
)
def test_a_number_is_told_what_it_does(typed, country, tax_id, hint):
    page = text(typed(country=country, tax_id=tax_id))
    assert f'<p class="field note" id="tax-hint" hx-swap-oob="true">{hint}' in page
    assert 'data-say="' + hint[:20] in page


def test_without_a_number_there_is_nothing_to_say(typed):
    assert '<p class="field note" id="tax-hint" hx-swap-oob="true"></p>' in text(typed(country="DE"))


def test_usage_like_the_last_thirty_days_is_taxed_too(typed, customer):
    assert "Like your last 30 days" not in text(typed(country="FR"))
    send(customer, LATER.replace(day=30), tokens=5_000_000)
    assert '<td class="num" data-testid="like">$70.80</td>' in text(typed(country="FR"))  # ($49.00 + $10.00) × 1.2


def test_nothing_is_stored(typed, customer):
    typed(country="FR", tax_id="FR32123456789")
    customer.billing_profile.refresh_from_db()
    assert (customer.billing_profile.country, customer.billing_profile.tax_id) == ("", "")


def test_the_form_asks_for_it_and_works_without(free, alice, customer, log_in, at):
    page = text(log_in(alice).get(reverse("plan_upgrade", args=["plus"])))
    assert f'hx-post="{URL}"' in page
    assert 'method="post" action="/settings/billing/plan/plus/"' in page
    assert f'<tbody id="costs" hx-post="{URL}" hx-trigger="load"' in page
    assert reverse("plan_estimate", args=["plus"]) in page


def test_what_fills_itself_in_is_not_read_out(typed):
    assert "data-say" in text(typed(country="FR"))
    quiet = text(typed(country="FR", quiet="1"))
    assert "data-say" not in quiet
    assert 'hx-trigger="load"' not in quiet
    assert "$58.80" in quiet


def test_the_page_begins_with_the_hint_of_the_number_that_is_stored(free, alice, customer, log_in):
    profile = customer.billing_profile
    profile.country, profile.tax_id = "DE", GERMAN
    profile.save()
    assert "Reverse charge: 0 % VAT." in text(log_in(alice).get(reverse("plan_upgrade", args=["plus"])))


def test_without_javascript_it_is_said_on_submit(free, alice, customer, log_in):
    client, page = log_in(alice), reverse("plan_upgrade", args=["plus"])
    details = {"legal_name": "Wonder GmbH", "line1": "Gasse 1", "city": "Berlin", "country": "DE"}
    answer = client.post(page, details | {"tax_id": "DE136695977"})
    said = "This is not a valid VAT number of this country (Germany). Please check it."
    assert (answer.status_code, answer.text.count(said)) == (422, 2)  # in the summary, and at the field
    assert 'value="DE136695977"' in answer.text
    assert 'value="Wonder GmbH"' in answer.text
    customer.billing_profile.refresh_from_db()
    assert customer.billing_profile.tax_id == ""
    assert '"told": "1"' in answer.text


def test_subscribe_keeps_the_reference_that_only_billing_details_ask_for(free, customer, alice, log_in):
    BillingProfile.objects.filter(customer=customer).update(buyer_reference="L-1")
    page = log_in(alice).get(reverse("plan_upgrade", args=["plus"]))
    assert '<input type="hidden" name="buyer_reference" value="L-1"' in page.text


def test_beside_the_error_it_is_not_said_again(typed):
    assert "not a valid" not in text(typed(country="DE", tax_id="DE136695977", quiet="1", told="1"))


def test_only_billing_admins_ask(free, bob, dora, client, log_in):
    assert [log_in(person).post(URL, {"country": "FR"}).status_code for person in (bob, dora)] == [403, 403]
    assert client.post(URL)["Location"].startswith(reverse("account_login"))


def test_it_is_about_plans_that_can_be_chosen(free, alice, log_in, at):
    prepaid_plan(at)
    client = log_in(alice)
    for key in ("free", "enterprise", "prepaid", "gold"):
        assert client.post(reverse("plan_costs", args=[key])).status_code == 404
    assert client.get(URL).status_code == 405


def test_under_a_contract_nothing_is_chosen(free, customer, catalogue, alice, log_in):
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=LATER, actor=None)
    assert log_in(alice).post(URL, {"country": "FR"}).status_code == 403


def test_it_asks_little(typed, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        typed(country="FR")


# --- the region, where the country has one ----------------------------------------------------------------------------

REGION = 'name="region"'
SWAPPED = '<div id="region" hx-swap-oob="true">'


def test_a_country_with_states_brings_the_field_and_one_without_takes_it_away(typed):
    came = text(typed(country="US"))
    assert SWAPPED in came
    assert REGION in came
    gone = text(typed(country="FR", region=""))
    assert f"{SWAPPED}</div>" in gone


def test_a_field_that_is_there_already_is_not_touched(typed):
    """Somebody may be typing in it."""
    assert SWAPPED not in text(typed(country="CA", region="Onta"))
    assert SWAPPED not in text(typed(country="FR"))


@pytest.mark.parametrize("asked", [{}, {"quiet": "1"}])
def test_a_region_that_stands_in_it_stays_whatever_the_country(typed, asked):
    assert SWAPPED not in text(typed(country="GB", region="Oxfordshire", **asked))


def test_the_page_itself_keeps_the_field_that_it_began_with(typed):
    assert SWAPPED not in text(typed(country="US", quiet="1"))


def test_the_form_asks_for_a_region_only_where_there_is_one(free, alice, customer, log_in):
    client = log_in(alice)

    def shown(**values):
        BillingProfile.objects.filter(customer=customer).update(**values)
        page = text(client.get(reverse("plan_upgrade", args=["plus"])))
        return REGION in re.sub("<noscript>.*?</noscript>", "", page), REGION in page

    assert shown(country="") == (True, True)
    assert shown(country="US") == (True, True)
    assert shown(country="FR") == (False, True)  # without a script one can still choose another country
    assert shown(country="FR", region="Île-de-France") == (True, True)
