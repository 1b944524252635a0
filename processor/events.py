"""What happened, told by events. They are committed with what they tell of, and wait to be delivered."""

import time

from processor.faults import Plan
from processor.storage import Body, Store

API_VERSION = "2026-10-28.endive"


def emit(store: Store, kind: str, subject: Body) -> Body:
    """Write an event about `subject` as it is now, and when it is to be delivered, by the fault plan."""
    shown = {name: value for name, value in subject.items() if not name.startswith("_")}
    event = store.add(
        "evt",
        "event",
        {"type": kind, "api_version": API_VERSION, "data": {"object": shown}, "pending_webhooks": 1},
        parent=kind,
    )
    about = subject.get("metadata", {}).get("key") or subject["id"]
    for delay in Plan.of(store).delays(kind, about, store.count_attempt(f"{kind}|{about}")):
        store.write("INSERT INTO delivery (event, due) VALUES (?, ?)", event["id"], time.time() + delay)
    return event
