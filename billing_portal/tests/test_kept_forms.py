"""Two people who have the same form open: the second is told what the first has saved, and undoes nothing unawares."""

from html import unescape

import pytest
from django.urls import reverse

from accounts.models import BillingProfile
from billing_portal.tests.people import on_plus
from core.clock import travel_to
from plans.models import RateCard
from plans.pricing import Tier
from plans.services.copy_plan import copy_plan
from plans.services.save_rate_card import save_rate_card

MORE = {"tiers-TOTAL_FORMS": "3", "tiers-INITIAL_FORMS": "0", "_save": "1", "reason": "Asked for"}
FORMS = {
    "plan": ("tagline", "Ours", "name", "Plus and more", "Tagline"),
    "rate card": ("free_units", "5", "name", "Tokens", "Free units"),
    "details": ("city", "Lyon", "line1", "2 rue Nouvelle", "City"),
    "details by staff": ("city", "Lyon", "line1", "2 rue Nouvelle", "City"),
    "alerts": ("amount", "120.00", "language", "de", "Amount per usage window"),
}


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def draft(catalogue, at):
    return copy_plan(plan_id=catalogue.plus.pk, at=at, actor=None)


@pytest.fixture
def places(draft, customer, alice, seller, catalogue, at, log_in, clerk):
    """Who changes what where: a client and an address by the name of the form."""
    on_plus(customer, alice, catalogue, at)
    BillingProfile.objects.update(line1="1 rue", postal_code="75001", city="Paris", country="FR", region="")
    staff, own = log_in(clerk), log_in(alice)
    card = draft.rate_cards.get(key="ai-tokens")
    return {
        "plan": (staff, reverse("admin:plans_plan_change", args=[draft.pk])),
        "rate card": (staff, reverse("admin:plans_plan_card_change", args=[draft.pk, card.pk])),
        "details": (own, reverse("billing_details")),
        "details by staff": (staff, reverse("admin:customer_details", args=[customer.key])),
        "alerts": (own, reverse("billing_notifications")),
    }


def sent(page, **values):
    """The form as it stands on the page, with other values."""
    form = page.context["form"]
    stands = {field.name: field.value() for field in form} | MORE
    return {name: value for name, value in stands.items() if value not in (None, False)} | {"seen": form.seen} | values


def kept(client, url, name):
    return client.get(url).context["form"].kept[name]


@pytest.mark.parametrize("which", FORMS)
def test_the_second_is_told_what_the_first_saved(places, which):
    client, url = places[which]
    field, first, other, second, label = FORMS[which]
    page = client.get(url)
    assert f'name="seen" value="{page.context["form"].seen}"' in page.text
    assert client.post(url, sent(page, **{field: first})).status_code in (302, 303)
    saved = kept(client, url, field)
    refused = client.post(url, sent(page, **{other: second}))
    assert refused.status_code == 409
    assert f"{label}: “{first}" in unescape(refused.text)
    assert (kept(client, url, field), kept(client, url, other) == second) == (saved, False)
    again = sent(page, **{other: second}) | {"seen": refused.context["form"].seen}
    assert client.post(url, again).status_code in (302, 303)
    assert kept(client, url, other) == second


@pytest.mark.parametrize("which", FORMS)
def test_a_form_sent_twice_is_saved_once_and_not_refused(places, which):
    client, url = places[which]
    field, first, *_ = FORMS[which]
    form = sent(client.get(url), **{field: first})
    assert [client.post(url, form).status_code in (302, 303) for _ in range(2)] == [True, True]


def test_tiers_that_somebody_else_changed_are_no_less(places, draft, at):
    client, url = places["rate card"]
    card = RateCard.objects.get(plan=draft, key="ai-tokens")
    page = client.get(url)
    values = {"key": card.key, "name": card.name, "model": "graduated", "feature_id": card.feature_id}
    save_rate_card(plan_id=draft.pk, card_id=card.pk, values=values, tiers=[Tier(None, 2)], at=at, actor=None)
    assert client.post(url, sent(page)).status_code == 409
