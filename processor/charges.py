"""Payment intents: announced, confirmed once, and never charged a second time."""

from typing import Any

from processor.calls import Call, listed
from processor.cards import BY_NAME, Card
from processor.errors import ApiError, Dropped, invalid
from processor.events import emit
from processor.storage import Body, Store

OVER = ("succeeded", "canceled", "processing")
MESSAGES = {
    "card_declined": "Your card was declined.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "payment_intent_authentication_failure": "The provided payment method has failed authentication.",
}


def create_intent(call: Call) -> Body:
    store = call.store
    customer = store.get("customer", call.text("customer"), "customer")["id"]
    method = store.get("payment_method", call.text("payment_method"), "payment_method")
    if method["customer"] != customer:
        raise invalid("The payment method belongs to another customer.", param="payment_method")
    currency = call.text("currency").lower()
    if len(currency) != 3 or not currency.isalpha():
        raise invalid("Invalid currency.", param="currency")
    body = {
        "amount": call.amount("amount"),
        "amount_received": 0,
        "currency": currency,
        "customer": customer,
        "payment_method": method["id"],
        "payment_method_types": ["card"],
        "status": "requires_confirmation",
        "last_payment_error": None,
        "next_action": None,
        "latest_charge": None,
        "metadata": call.metadata(),
    }
    intent = store.add("pi", "payment_intent", body, customer=customer)
    return store.save(intent | {"client_secret": f"{intent['id']}_secret_sandbox"})


def retrieve_intent(call: Call, intent_id: str) -> Body:
    return call.store.get("payment_intent", intent_id)


def list_intents(call: Call) -> Body:
    return listed(call, "payment_intent", "/v1/payment_intents")


def confirm_intent(call: Call, intent_id: str) -> Body:
    """Make the charge. A decline is committed and then answered with 402, as a bank's word that it is."""
    store = call.store
    intent = store.get("payment_intent", intent_id)
    method_id = call.text("payment_method", required=False) or intent["payment_method"]
    if intent["status"] in OVER or not method_id:
        raise _unexpected(intent, "confirm")
    method = store.get("payment_method", method_id, "payment_method")
    card = BY_NAME[method["_card"]]
    if card.times_out:
        raise Dropped
    call.lost = card.loses_answer
    if call.declined or card.declines:
        raise fail_intent(store, intent, method, "card_declined", card.declines or "generic_decline")
    if card.confirms:
        return _ask_bank(call, intent, method)
    return charge(store, intent | {"payment_method": method_id}, card)


def _ask_bank(call: Call, intent: Body, method: Body) -> Body:
    if call.flag("off_session"):
        raise fail_intent(call.store, intent, method, "authentication_required", "authentication_required")
    return_url = call.text("return_url")
    redirect = {"url": f"{call.base_url}/bank/{intent['id']}", "return_url": return_url}
    asked = intent | {
        "status": "requires_action",
        "payment_method": method["id"],
        "last_payment_error": None,
        "next_action": {"type": "redirect_to_url", "redirect_to_url": redirect},
    }
    emit(call.store, "payment_intent.requires_action", asked)
    return call.store.save(asked)


def charge(store: Store, intent: Body, card: Card) -> Body:
    """The money moves; the database refuses to do so a second time."""
    body = {
        "amount": intent["amount"],
        "amount_refunded": 0,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "payment_intent": intent["id"],
        "refunded": False,
        "metadata": intent["metadata"],
        "_refunds": card.refunds,
        "_loses_answer": card.loses_answer,
    }
    made = store.add("ch", "charge", body, customer=intent["customer"])
    store.move("charge", made, intent)
    done = intent | {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": made["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    emit(store, "payment_intent.succeeded", done)
    return store.save(done)


def fail_intent(store: Store, intent: Body, method: Body, code: str, decline_code: str = "") -> ApiError:
    """Keep the bank's refusal; the error to answer with."""
    shown = {name: value for name, value in method.items() if not name.startswith("_")}
    error: dict[str, Any] = {"code": code, "message": MESSAGES[code], "payment_method": shown}
    if decline_code:
        error["decline_code"] = decline_code
    failed = intent | {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": {"type": "card_error", **error},
    }
    store.save(failed)
    emit(store, "payment_intent.payment_failed", failed)
    message = error.pop("message")
    return ApiError(402, "card_error", message, **error, payment_intent=failed)


def cancel_intent(call: Call, intent_id: str) -> Body:
    intent = call.store.get("payment_intent", intent_id)
    if intent["status"] in OVER:
        raise _unexpected(intent, "cancel")
    canceled = intent | {"status": "canceled", "next_action": None, "canceled_at": int(call.store.now())}
    emit(call.store, "payment_intent.canceled", canceled)
    return call.store.save(canceled)


def _unexpected(intent: Body, verb: str) -> ApiError:
    message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
    code = "payment_intent_unexpected_state"
    return ApiError(400, "invalid_request_error", message, code=code, payment_intent=intent)


def settle_at_bank(store: Store, intent_id: str, *, confirmed: bool) -> Body:
    """What the person decided on the bank's page. An intent that does not wait for it stays as it is."""
    with store.transaction():
        intent = store.get("payment_intent", intent_id)
        if intent["status"] != "requires_action":
            return intent
        method = store.get("payment_method", intent["payment_method"])
        if confirmed:
            return charge(store, intent, BY_NAME[method["_card"]])
        fail_intent(store, intent, method, "payment_intent_authentication_failure")
        return store.get("payment_intent", intent_id)
