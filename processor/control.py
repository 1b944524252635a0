"""What only a sandbox has, under /_sandbox/: faults, the journal, webhooks now, disputes, the clock."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from processor import refunds
from processor.errors import ApiError, invalid
from processor.faults import Plan, Rule
from processor.web import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.app import Processor
    from processor.web import Request


def answer(processor: Processor, request: Request) -> Response:
    action = ACTIONS.get((request.method, request.path.removeprefix("/_sandbox/")))
    if action is None:
        return Response.json(invalid("The sandbox has no such control.").body, 404)
    try:
        return Response.json(action(processor, request.params))
    except ApiError as error:
        return Response.json(error.body, error.status)
    except (ValueError, TypeError, KeyError) as error:
        return Response.json(invalid(f"{type(error).__name__}: {error}").body, 400)


def _health(processor: Processor, _params: dict[str, Any]) -> Any:
    return {"journal": processor.store.rows("SELECT COUNT(*) AS movements FROM movement")[0]["movements"]}


def _journal(processor: Processor, params: dict[str, Any]) -> Any:
    """What moved after the movement of that number, in order."""
    return {"movements": processor.store.movements(int(params.get("after", 0)))}


def _faults(processor: Processor, _params: dict[str, Any]) -> Any:
    return json.loads(processor.store.setting("faults") or "{}")


def _set_faults(processor: Processor, params: dict[str, Any]) -> Any:
    """`plan` is a fault plan as JSON (processor/faults.py); empty means none."""
    plan = Plan.read(json.loads(params.get("plan") or "{}"))
    with processor.store.transaction():
        plan.store(processor.store)
    return _faults(processor, params)


def _add_fault(processor: Processor, params: dict[str, Any]) -> Any:
    """`rule` goes before those of the plan, as JSON; one that is there already is not added again."""
    with processor.store.transaction():
        plan = Plan.of(processor.store)
        plan.with_rule(Rule(**json.loads(params["rule"]))).store(processor.store)
    return _faults(processor, params)


def _deliver(processor: Processor, _params: dict[str, Any]) -> Any:
    """Send now whatever waits, also what is to be late."""
    return {"taken": processor.send_webhooks()}


def _deliveries(processor: Processor, _params: dict[str, Any]) -> Any:
    query = "SELECT event, tries, delivered, answered FROM delivery ORDER BY seq"
    return {"deliveries": [dict(row) for row in processor.store.rows(query)]}


def _dispute(processor: Processor, params: dict[str, Any]) -> Any:
    amount = int(params["amount"]) if "amount" in params else None
    reason = params.get("reason", "fraudulent")
    return refunds.open_dispute(processor.store, params["payment_intent"], amount=amount, reason=reason)


def _close_dispute(processor: Processor, params: dict[str, Any]) -> Any:
    return refunds.close_dispute(processor.store, params["dispute"], won=params["status"] == "won")


def _settle_refunds(processor: Processor, _params: dict[str, Any]) -> Any:
    return {"settled": refunds.settle_refunds(processor.store, now=True)}


def _set_clock(processor: Processor, params: dict[str, Any]) -> Any:
    """`at` is an instant (ISO 8601 with a zone) at which the clock then stands; empty: the real one again."""
    at = params.get("at", "")
    if at and datetime.fromisoformat(at).tzinfo is None:
        raise ValueError("an instant needs a time zone")
    with processor.store.transaction():
        processor.store.set("clock", str(datetime.fromisoformat(at).timestamp()) if at else "")
    return {"now": processor.store.now()}


ACTIONS: Final[dict[tuple[str, str], Callable[[Processor, dict[str, Any]], Any]]] = {
    ("GET", "health"): _health,
    ("GET", "journal"): _journal,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _set_faults,
    ("POST", "faults/add"): _add_fault,
    ("GET", "deliveries"): _deliveries,
    ("POST", "webhooks/deliver"): _deliver,
    ("POST", "disputes"): _dispute,
    ("POST", "disputes/close"): _close_dispute,
    ("POST", "refunds/settle"): _settle_refunds,
    ("POST", "clock"): _set_clock,
}
