"""Customers, and cards entered on the hosted page: session → setup intent → payment method."""

from datetime import UTC, datetime
from typing import Final

from processor.calls import Call
from processor.cards import Entry
from processor.errors import invalid
from processor.events import emit
from processor.storage import Body, Store

SESSION_LIFE: Final = 24 * 3600  # seconds that a card page stays open


def create_customer(call: Call) -> Body:
    return call.store.add(
        "cus", "customer", {"name": call.text("name", required=False) or None, "metadata": call.metadata()}
    )


def create_session(call: Call) -> Body:
    """A visit to the card page: `mode=setup`, the only one there is here."""
    store = call.store
    if call.text("mode") != "setup":
        raise invalid("The sandbox knows only mode=setup.", param="mode")
    customer = store.get("customer", call.text("customer"), "customer")["id"]
    setup = store.add(
        "seti",
        "setup_intent",
        {"customer": customer, "status": "requires_payment_method", "payment_method": None, "metadata": {}},
        customer=customer,
    )
    body = {
        "mode": "setup",
        "status": "open",
        "customer": customer,
        "setup_intent": setup["id"],
        "success_url": call.text("success_url"),
        "cancel_url": call.text("cancel_url", required=False) or None,
        "expires_at": int(store.now()) + SESSION_LIFE,
        "metadata": call.metadata(),
    }
    session = store.add("cs_test", "checkout.session", body, customer=customer)
    return store.save(session | {"url": f"{call.base_url}/c/{session['id']}"})


def has_expired(store: Store, session: Body) -> bool:
    return bool(session["status"] == "open" and store.now() >= session["expires_at"])


def keep_card(store: Store, session_id: str, entry: Entry) -> bool:
    """What the card page does with an accepted card. Whether it was the first one of this visit."""
    with store.transaction():
        session = store.get("checkout.session", session_id)
        if session["status"] != "open":
            return False
        method = _add_method(store, session["customer"], entry)
        setup = store.get("setup_intent", session["setup_intent"])
        store.save(setup | {"status": "succeeded", "payment_method": method["id"]})
        store.save(session | {"status": "complete", "url": None})
        emit(store, "checkout.session.completed", session | {"status": "complete", "url": None})
    return True


def _add_method(store: Store, customer: str, entry: Entry) -> Body:
    card = {
        "brand": entry.card.brand,
        "last4": entry.last4,
        "exp_month": entry.expires.month,
        "exp_year": entry.expires.year,
        "fingerprint": entry.card.fingerprint,
    }
    body = {"type": "card", "customer": customer, "card": card, "metadata": {}, "_card": entry.card.name}
    return store.add("pm", "payment_method", body, customer=customer)


def today_of(store: Store) -> datetime:
    return datetime.fromtimestamp(store.now(), UTC)
