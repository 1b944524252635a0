"""What the driver asks of the sandbox processor beside its protocol: faults to come, and which events it has sent."""

import json
from collections import Counter, defaultdict
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from invoices.models import GatewayEvent


def plan_faults(plan: dict[str, Any]) -> None:
    ask("POST", "/_sandbox/faults", {"plan": json.dumps(plan)})


def webhooks() -> dict[str, int]:
    """How many events arrived, how many of them more than once, and how many after a later one of the same intent."""
    sent: list[str] = []
    taken = Counter[str]()
    for delivery in ask("GET", "/_sandbox/deliveries")["deliveries"]:
        sent.append(delivery["event"])
        taken[delivery["event"]] += delivery["delivered"] is not None
    place = {event: number for number, event in reversed(list(enumerate(sent)))}
    arrived = defaultdict(list)
    for intent, event in GatewayEvent.objects.exclude(intent_id="").order_by("pk").values_list("intent_id", "event_id"):
        arrived[intent].append(place[event])
    overtaken = sum(first > second for places in arrived.values() for first, second in pairwise(places))
    return {"arrived": len(taken), "more than once": sum(times > 1 for times in taken.values()), "overtaken": overtaken}


def ask(method: str, path: str, form: dict[str, str] | None = None) -> Any:
    with closing(HTTPConnection(urlsplit(settings.SANDBOX_URL).netloc, timeout=60)) as connection:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(text)
    return json.loads(text)
