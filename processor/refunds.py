"""Money given back – never more than was charged – and disputes, which a bank may raise."""

import time
from typing import Final

from processor.calls import Call, listed
from processor.errors import invalid
from processor.events import emit
from processor.storage import Body, Store

UNSETTLED: Final = (
    "SELECT body FROM object WHERE kind = 'refund'"
    " AND json_extract(body, '$.status') <> json_extract(body, '$._becomes') ORDER BY seq"
)
SETTLING: Final = 20  # seconds, of the real clock: a refund that takes a while


def create_refund(call: Call) -> Body:
    store = call.store
    intent = store.get("payment_intent", call.text("payment_intent"), "payment_intent")
    if intent["status"] != "succeeded":
        raise invalid("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
    charge = store.get("charge", intent["latest_charge"])
    left = store.left(intent["id"])
    amount = call.amount("amount") if "amount" in call.params else left
    if not left:
        raise invalid("The charge has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise invalid("Refund amount is greater than the unrefunded amount of the charge.", param="amount")
    refund = store.add(
        "re",
        "refund",
        {
            "amount": amount,
            "currency": intent["currency"],
            "charge": charge["id"],
            "payment_intent": intent["id"],
            "status": "pending" if charge["_refunds"] == "pending" else "succeeded",
            "metadata": call.metadata(),
            "_becomes": "failed" if charge["_refunds"] == "failed" else "succeeded",
            "_settles": time.time() + SETTLING,
        },
        customer=intent["customer"],
        parent=intent["id"],
    )
    store.move("refund", refund, intent)
    _show_on_charge(store, charge, left - amount)
    emit(store, "refund.created", refund)
    call.lost = charge["_loses_answer"]
    return refund


def _show_on_charge(store: Store, charge: Body, left: int) -> None:
    charge = store.save(charge | {"amount_refunded": charge["amount"] - left, "refunded": not left})
    emit(store, "charge.refunded", charge)


def retrieve_refund(call: Call, refund_id: str) -> Body:
    return call.store.get("refund", refund_id)


def list_refunds(call: Call) -> Body:
    return listed(call, "refund", "/v1/refunds", parent=call.text("payment_intent", required=False))


def settle_refunds(store: Store, *, now: bool = False) -> int:
    """Refunds that were to become something else do; how many. `now`: without waiting."""
    if not store.rows(UNSETTLED):
        return 0
    with store.transaction():
        waiting = [store.read(row["body"]) for row in store.rows(UNSETTLED)]
        due = [refund for refund in waiting if now or refund["_settles"] <= time.time()]
        for refund in due:
            _settle(store, refund)
    return len(due)


def _settle(store: Store, refund: Body) -> None:
    failed = refund["_becomes"] == "failed"
    changed = store.save(
        refund | {"status": refund["_becomes"]} | ({"failure_reason": "expired_or_canceled_card"} if failed else {})
    )
    if failed:
        store.move("refund_failed", refund, store.get("payment_intent", refund["payment_intent"]))
        emit(store, "refund.failed", changed)
    emit(store, "refund.updated", changed)


def open_dispute(store: Store, intent_id: str, *, amount: int | None = None, reason: str = "fraudulent") -> Body:
    """The cardholder's bank takes the money back until it is decided who is right."""
    with store.transaction():
        intent = store.get("payment_intent", intent_id)
        if intent["status"] != "succeeded":
            raise invalid("Only a charge can be disputed.", param="payment_intent")
        body = {
            "amount": amount or intent["amount"],
            "currency": intent["currency"],
            "charge": intent["latest_charge"],
            "payment_intent": intent_id,
            "reason": reason,
            "status": "needs_response",
            "metadata": {},
        }
        dispute = store.add("dp", "dispute", body, customer=intent["customer"], parent=intent_id)
        emit(store, "charge.dispute.created", dispute)
    return dispute


def close_dispute(store: Store, dispute_id: str, *, won: bool) -> Body:
    with store.transaction():
        dispute = store.save(store.get("dispute", dispute_id) | {"status": "won" if won else "lost"})
        emit(store, "charge.dispute.closed", dispute)
    return dispute
