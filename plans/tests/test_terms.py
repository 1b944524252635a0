"""The seller's terms, where an address of them is set: on Subscribe and in the mail that a plan began."""

import pytest
from django.urls import reverse

from accounts.models import Notice
from plans.tests.conftest import go_plus

TERMS = "https://example.com/terms"


@pytest.mark.parametrize("terms", ["", TERMS])
def test_they_are_named_where_they_are_set(free, customer, catalogue, seller, at, alice, log_in, settings, terms):
    settings.TERMS_URL = terms
    page = log_in(alice).get(reverse("plan_upgrade", args=["plus"])).text
    assert (f'Our <a href="{TERMS}">terms</a> apply.' in page) is bool(terms)
    go_plus(customer, catalogue, at)
    assert Notice.objects.get(template="plan_subscribed").context["terms_url"] == terms
