"""What staff see of metering."""

import pytest

from accounts.models import AuditEntry
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


METER = {"name": "Calls", "event_type": "ai.tokens", "aggregation": "count", "dimensions": "model = $.model"}


def test_it_defines_meters_and_features_by_their_verbs(staff, customer, tokens, at, log_in):
    ingest_events(events=[event(customer, "e1", at)], token_customer_id=None, at=at)
    client = log_in(staff)
    assert client.post("/admin/usage/meter/add/", METER).status_code == 302
    made = Meter.objects.get(key="calls")
    assert made.dimensions == {"model": "$.model"}
    feature = {"name": "Calls", "unit": "call", "unit_plural": "calls", "meter": made.pk, "filters": "model = a, b"}
    assert client.post("/admin/usage/feature/add/", feature).status_code == 302
    defined = Feature.objects.get(key="calls")
    assert (defined.meter, defined.filters) == (made, {"model": ["a", "b"]})
    assert list(books.check()) == [], "the hours of the new feature were rebuilt"
    assert set(AuditEntry.objects.filter(actor=staff).values_list("action", flat=True)) == {
        "define_meter",
        "define_feature",
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "Name – This field is required."),
        ({"aggregation": "sum"}, "“sum” needs value path."),
        ({"dimensions": "model"}, "Write name = value, one per line: “model”."),
        ({"dimensions": "model = tokens"}, "A path must look like $.tokens"),
        ({"key": "ai-tokens"}, "A meter with this key exists already"),
    ],
)
def test_it_says_what_is_wrong_with_a_meter(staff, token_meter, log_in, values, said):
    response = log_in(staff).post("/admin/usage/meter/add/", {**METER, **values})
    assert response.status_code == 422
    assert said in response.text
    assert Meter.objects.count() == 1


def test_it_says_what_is_wrong_with_a_filter(staff, token_meter, log_in):
    values = {"name": "EU", "unit": "u", "unit_plural": "us", "meter": token_meter.pk, "filters": "planet = mars"}
    response = log_in(staff).post("/admin/usage/feature/add/", values)
    assert response.status_code == 422
    assert "“planet” is no dimension of this meter." in response.text


def test_it_lets_only_names_change(staff, token_meter, log_in):
    client = log_in(staff)
    changed = {"name": "Tokens of models", "event_type": "other", "aggregation": "count", "value_path": "$.other"}
    for _ in range(2):
        assert client.post(f"/admin/usage/meter/{token_meter.pk}/change/", changed).status_code == 302
    token_meter.refresh_from_db()
    assert (token_meter.name, token_meter.event_type, token_meter.value_path) == (
        "Tokens of models",
        "ai.tokens",
        "$.tokens",
    )
    assert AuditEntry.objects.filter(action="rename_meter").count() == 1


def test_it_renames_a_feature_and_its_units(staff, tokens, log_in):
    feature = Feature.objects.get()
    key = feature.key
    names = {"name": "Words", "unit": "word", "unit_plural": "words"}
    for _ in range(2):
        assert log_in(staff).post(f"/admin/usage/feature/{feature.pk}/change/", names).status_code == 302
    feature.refresh_from_db()
    assert (feature.name, feature.unit, feature.key) == ("Words", "word", key)
    assert AuditEntry.objects.filter(action="rename_feature").count() == 1


@pytest.mark.parametrize("page", ["meter", "feature"])
def test_it_does_not_know_what_is_not_there(staff, log_in, page):
    for pk in ("0", "nothing"):
        assert log_in(staff).get(f"/admin/usage/{page}/{pk}/change/").status_code == 404


def test_it_is_for_staff_only(alice, log_in):
    assert log_in(alice).get("/admin/usage/usageevent/").status_code == 302


@pytest.mark.parametrize("language", ["en", "de"])
def test_only_what_exists_is_said_to_change_its_name_alone(staff, customer, tokens, log_in, language):
    client, headers = log_in(staff), {"Accept-Language": language}
    Meter.objects.update(name="New York")
    Feature.objects.update(name="New York")
    for table, made in (("meter", Meter.objects.first()), ("feature", Feature.objects.first())):
        pages = [client.get(f"/admin/usage/{table}/{page}/", headers=headers) for page in ("add", f"{made.pk}/change")]
        assert ['class="lead"' in page.text for page in pages] == [False, True]
