"""What staff see of metering."""

import pytest

from usage import books
from usage.models import Feature, Meter
from usage.services.ingest_events import ingest_events
from usage.tests.conftest import event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", ["meter", "feature", "usageevent", "usagehour"])
def test_it_lists_everything(staff, customer, tokens, at, log_in, page, django_assert_max_num_queries):
    ingest_events(events=[event(customer, f"e{n}", at) for n in range(30)], token_customer_id=None, at=at)
    client = log_in(staff)
    with django_assert_max_num_queries(15):
        response = client.get(f"/admin/usage/{page}/")
    assert response.status_code == 200


@pytest.mark.parametrize("page", ["usageevent", "usagehour"])
def test_it_changes_nothing_of_what_was_measured(staff, log_in, page):
    assert log_in(staff).get(f"/admin/usage/{page}/add/").status_code == 403


def test_it_defines_meters_and_features_by_their_verbs(staff, customer, tokens, at, log_in):
    ingest_events(events=[event(customer, "e1", at)], token_customer_id=None, at=at)
    client = log_in(staff)
    meter = {"key": "calls", "name": "Calls", "event_type": "ai.tokens", "aggregation": "count", "dimensions": "{}"}
    assert client.post("/admin/usage/meter/add/", meter).status_code == 302
    made = Meter.objects.get(key="calls")
    feature = {
        "key": "calls",
        "name": "Calls",
        "unit": "call",
        "unit_plural": "calls",
        "meter": made.pk,
        "filters": "{}",
    }
    assert client.post("/admin/usage/feature/add/", feature).status_code == 302
    assert Feature.objects.get(key="calls").meter == made
    assert list(books.check()) == [], "the hours of the new feature were rebuilt"


def test_it_lets_only_names_change(staff, token_meter, log_in):
    client = log_in(staff)
    changed = {"name": "Tokens of models", "event_type": "other", "value_path": "$.other"}
    assert client.post(f"/admin/usage/meter/{token_meter.pk}/change/", changed).status_code == 302
    token_meter.refresh_from_db()
    assert (token_meter.name, token_meter.event_type, token_meter.value_path) == (
        "Tokens of models",
        "ai.tokens",
        "$.tokens",
    )


def test_it_is_for_staff_only(alice, log_in):
    assert log_in(alice).get("/admin/usage/usageevent/").status_code == 302
