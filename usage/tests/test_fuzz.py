"""Whatever arrives: an answer, never an exception, and books that agree."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from usage import books
from usage.models import UsageEvent
from usage.services.ingest_events import ingest_events

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.decimals(),
    st.sampled_from([Decimal("1E+999999"), Decimal("1E-999999"), Decimal("-0"), Decimal("1E+14"), -0]),
    st.text(st.characters(), max_size=300),
    st.sampled_from(["\x00", "\ud800", "\\u0000", "", " ", "e1", "1.0", "2026-10-20T10:00:00Z", "\u202e"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("tokens"), inner, max_size=3)
    ),
    max_leaves=6,
)
TOUCHED = st.dictionaries(
    st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data", "corrects", "data_base64", "x"]),
    JSON,
    max_size=3,
)


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(JSON | TOUCHED.map(lambda touched: (touched,)), max_size=6))
def test_it_answers_whatever_arrives(customer, tokens, requests, at, arriving):
    sound = {
        "specversion": "1.0",
        "id": "e1",
        "source": "fuzz",
        "type": "ai.tokens",
        "subject": customer.key,
        "data": {"tokens": 1},
    }
    events = [{**sound, "id": f"e{n}", **one[0]} if isinstance(one, tuple) else one for n, one in enumerate(arriving)]
    before = UsageEvent.objects.count()
    result = ingest_events(events=events, token_customer_id=customer.pk, at=at)
    assert result.accepted + result.duplicates + len(result.rejected) == len(events)
    assert UsageEvent.objects.count() == before + result.accepted
    assert list(books.check()) == []
