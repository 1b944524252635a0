"""What the driver asks of the sandbox processor beside its protocol: faults to come, and which events it has sent."""

import json
from collections import Counter
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import accumulate
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from invoices.models import GatewayEvent


def plan_faults(plan: dict[str, Any]) -> None:
    ask("POST", "/_sandbox/faults", {"plan": json.dumps(plan)})


def webhooks() -> dict[str, int]:
    """How many events were sent, how many of them arrived more than once, and how many after one that is younger."""
    taken = Counter[str]()
    for delivery in ask("GET", "/_sandbox/deliveries")["deliveries"]:
        taken[delivery["event"]] += delivery["delivered"] is not None
    place = {event: number for number, event in enumerate(taken)}
    arrived = [place[event] for event in GatewayEvent.objects.order_by("pk").values_list("event_id", flat=True)]
    overtaken = sum(own < youngest for own, youngest in zip(arrived, accumulate(arrived, max), strict=True))
    return {"sent": len(taken), "more than once": sum(times > 1 for times in taken.values()), "overtaken": overtaken}


def ask(method: str, path: str, form: dict[str, str] | None = None) -> Any:
    with closing(HTTPConnection(urlsplit(settings.SANDBOX_URL).netloc, timeout=60)) as connection:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(text)
    return json.loads(text)
