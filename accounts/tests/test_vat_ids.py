"""VAT numbers: what one looks like, and what is said of what cannot be one, with and without JavaScript."""

import pytest
from django.urls import reverse

from accounts.models import BillingProfile
from accounts.vat_ids import fault, is_vat_id

DETAILS = reverse("billing_details")
TYPED = {"legal_name": "Wonder GmbH", "line1": "Gasse 1", "city": "Berlin", "country": "DE"}
RIGHT, WRONG = "DE136695976", "DE136695977"
SAID = "This is not a valid VAT number of this country (Germany). Please check it."


@pytest.mark.parametrize(
    ("tax_id", "country", "valid"),
    [
        ("FR 40 303 265 045", "FR", True),
        ("DE136695976", "DE", True),
        ("DE136695977", "DE", False),  # its check digit is wrong
        ("DE136695976", "AT", False),  # of another member state
        ("EL094259216", "GR", True),
        ("136695976", "DE", False),
        ("", "DE", False),
        ("CHE107787577", "CH", False),
    ],
)
def test_it_knows_vat_ids_by_their_check_digits(tax_id, country, valid):
    assert is_vat_id(tax_id, country) is valid


@pytest.mark.parametrize(
    ("tax_id", "country", "is_wrong"),
    [
        (RIGHT, "DE", False),
        (WRONG, "DE", True),  # its check digit
        ("DE12", "DE", True),
        ("12/345/67890", "DE", True),  # of its tax office, which is no VAT number
        (RIGHT, "AT", True),
        ("", "DE", False),
        ("12-3456789", "US", False),  # no number of the EU is asked for there
        (WRONG, "", False),
    ],
)
def test_it_says_what_cannot_be_one(tax_id, country, is_wrong):
    assert bool(fault(tax_id, country, "there")) is is_wrong


# --- billing details -------------------------------------------------------------------------------------------------
@pytest.fixture
def save(alice, customer, log_in):
    client = log_in(alice)
    return lambda **values: client.post(DETAILS, TYPED | values)


def stored(customer):
    profile = BillingProfile.objects.get(customer=customer)
    return profile.legal_name, profile.country, profile.tax_id


def test_what_cannot_be_one_is_refused_by_its_field_and_nothing_typed_is_lost(save, customer):
    before = stored(customer)
    answer = save(tax_id=WRONG)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_tax_id"' in page
    assert page.count(SAID) == 2  # in the summary, and at the field
    assert f'value="{WRONG}"' in page
    assert 'value="Wonder GmbH"' in page
    assert stored(customer) == before


def test_what_can_be_one_is_saved(save, customer):
    assert save(tax_id=RIGHT).status_code == 303
    assert stored(customer) == ("Wonder GmbH", "DE", RIGHT)


def test_a_country_that_is_chosen_asks_for_its_own_number(save, customer):
    save(tax_id=RIGHT)
    assert save(country="AT", tax_id=RIGHT).status_code == 422
    assert save(country="US", tax_id="12-3456789").status_code == 303


def test_one_that_stands_already_stops_nobody_who_changes_something_else(save, customer):
    BillingProfile.objects.filter(customer=customer).update(country="DE", tax_id=WRONG)
    assert save(tax_id=WRONG, city="Bonn").status_code == 303
    assert save(tax_id=WRONG, country="AT").status_code == 422


def test_without_a_country_it_is_the_country_that_is_missing(save):
    page = save(tax_id=WRONG, country="").content.decode()
    assert "valid VAT number" not in page
