"""Made-up usage for a customer with a test clock, so that there is something to bill."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from accounts.models import Customer
from usage.services.ingest_events import IngestResult, ingest_events

REQUESTS, TOKENS = 1_000, 1_000_000
HOUR = timedelta(hours=1)


def use(customer: Customer, key: str, at: datetime) -> IngestResult:
    """1,000 requests and a million tokens of the hour before `at`. The key makes the events' ids: twice is once."""
    random = Random(key)  # noqa: S311 - traffic, not secrets
    times = [at - HOUR * random.random() for _ in range(REQUESTS)]
    events = [_event(customer, f"{key}-{number}", when, "api.request", _request()) for number, when in enumerate(times)]
    data = {"context": 0, "generated": TOKENS, "tokens": TOKENS}
    return ingest_events(
        events=[*events, _event(customer, f"{key}-tokens", at, "ai.tokens", data)],
        token_customer_id=customer.pk,
        at=at,
    )


def _request() -> dict[str, Any]:
    return {"route": "/v1/chat", "status": 200, "method": "POST", "client": "203.0.113.0/24"}


def _event(customer: Customer, name: str, at: datetime, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": name,
        "source": "demo/test-clock",
        "type": kind,
        "subject": customer.key,
        "time": at.isoformat(),
        "data": data,
    }
