"""What the tests of this room share: two meters, and a way to write events shortly."""

from datetime import datetime
from typing import Any

import pytest

from accounts.models import Customer
from usage.cloudevents import EventDraft
from usage.models import Feature, Meter
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter


@pytest.fixture
def request_meter(db: None, at: datetime) -> Meter:
    return define_meter(
        key="api-requests",
        name="API requests",
        event_type="api.request",
        aggregation="count",
        dimensions={"route": "$.route", "status": "$.status", "method": "$.method", "client": "$.client"},
        at=at,
        actor=None,
    )


@pytest.fixture
def requests(request_meter: Meter, at: datetime) -> Feature:
    return define_feature(key="requests", name="API requests", meter=request_meter, at=at, actor=None)


@pytest.fixture
def token_meter(db: None, at: datetime) -> Meter:
    return define_meter(
        key="ai-tokens",
        name="AI tokens",
        event_type="ai.tokens",
        aggregation="sum",
        value_path="$.tokens",
        dimensions={"model": "$.model"},
        at=at,
        actor=None,
    )


@pytest.fixture
def tokens(token_meter: Meter, at: datetime) -> Feature:
    return define_feature(key="tokens", name="AI tokens", meter=token_meter, at=at, actor=None)


def event(customer: Customer, event_id: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """A CloudEvent of 100 tokens; fields of None are left out."""
    whole = {
        "specversion": "1.0",
        "id": event_id,
        "source": "gateway",
        "type": "ai.tokens",
        "subject": customer.key,
        "time": at.isoformat(),
        "data": {"tokens": 100},
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


def draft(customer: Customer, event_id: str, at: datetime, data: dict[str, Any], **fields: Any) -> EventDraft:
    values = {"source": "gateway", "type": "ai.tokens", "subject": customer.key, **fields}
    return EventDraft(event_id=event_id, time=at, data=data, **values)
