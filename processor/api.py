"""The API under /v1/: routes, who may ask, idempotency keys and the faults of the plan."""

from __future__ import annotations

import json
import re
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from processor import charges, refunds, setups
from processor.calls import Call, listed
from processor.errors import ApiError, Dropped, invalid
from processor.faults import Plan
from processor.web import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.storage import Body, Store

KEY_LIFE: Final = 24 * 3600  # seconds that the answer to an idempotency key is kept, as Stripe does


def _retrieve(kind: str) -> Callable[..., Body]:
    return lambda call, object_id: call.store.get(kind, object_id)


def _list(kind: str, url: str) -> Callable[..., Body]:
    return lambda call: listed(call, kind, url)


def _list_events(call: Call) -> Body:
    return listed(call, "event", "/v1/events", parent=call.text("type", required=False))


# method, path, the operation's name in a fault plan, what does it
ROUTES: Final[list[tuple[str, str, str, Callable[..., Body]]]] = [
    ("POST", "customers", "customers.create", setups.create_customer),
    ("GET", "customers/*", "customers.retrieve", _retrieve("customer")),
    ("POST", "checkout/sessions", "sessions.create", setups.create_session),
    ("GET", "checkout/sessions/*", "sessions.retrieve", _retrieve("checkout.session")),
    ("GET", "setup_intents/*", "setup_intents.retrieve", _retrieve("setup_intent")),
    ("GET", "payment_methods/*", "payment_methods.retrieve", _retrieve("payment_method")),
    ("POST", "payment_intents", "payment_intents.create", charges.create_intent),
    ("GET", "payment_intents", "payment_intents.list", charges.list_intents),
    ("GET", "payment_intents/*", "payment_intents.retrieve", charges.retrieve_intent),
    ("POST", "payment_intents/*/confirm", "payment_intents.confirm", charges.confirm_intent),
    ("POST", "payment_intents/*/cancel", "payment_intents.cancel", charges.cancel_intent),
    ("GET", "charges/*", "charges.retrieve", _retrieve("charge")),
    ("POST", "refunds", "refunds.create", refunds.create_refund),
    ("GET", "refunds", "refunds.list", refunds.list_refunds),
    ("GET", "refunds/*", "refunds.retrieve", refunds.retrieve_refund),
    ("GET", "disputes", "disputes.list", _list("dispute", "/v1/disputes")),
    ("GET", "disputes/*", "disputes.retrieve", _retrieve("dispute")),
    ("GET", "events", "events.list", _list_events),
    ("GET", "events/*", "events.retrieve", _retrieve("event")),
]
PATTERNS: Final = [
    (method, re.compile("/v1/" + path.replace("*", "([A-Za-z0-9_]+)")), operation, handler)
    for method, path, operation, handler in ROUTES
]


def answer(store: Store, request: Request) -> Response:
    """Raises Dropped where the plan, or the card, says that no answer arrives."""
    try:
        _check_key(request)
        ids, operation, handler = _route(request)
    except ApiError as error:
        return Response.json(error.body, error.status)
    fault = _fault(store, request, ids, operation)
    if fault == "slow":
        time.sleep(Plan.of(store).slow_seconds)
    elif fault == "drop_before":
        raise Dropped
    elif fault in {"error_before", "rate_limit"}:
        return _refusal(fault)
    response = _run(store, request, handler, ids, declined=fault == "decline")
    if fault == "twice":
        response = _run(store, request, handler, ids, declined=False)
    elif fault == "drop_after":
        raise Dropped
    return _refusal(fault) if fault == "error_after" else response


def _check_key(request: Request) -> None:
    """Any test key of ours: `sk_test_…` may do everything, `rk_test_…` only read. Nothing of it is kept."""
    key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not key.startswith(("sk_test_", "rk_test_")):
        raise ApiError(401, "invalid_request_error", "The sandbox takes test keys only: sk_test_…")
    if key.startswith("rk_test_") and request.method != "GET":
        raise ApiError(403, "invalid_request_error", "The provided key does not have the required permissions.")


def _route(request: Request) -> tuple[tuple[str, ...], str, Callable[..., Body]]:
    for method, pattern, operation, handler in PATTERNS:
        if method == request.method and (match := pattern.fullmatch(request.path)):
            return match.groups(), operation, handler
    message = "Unrecognized request URL. The sandbox speaks only a part of the protocol."
    raise ApiError(404, "invalid_request_error", message)


def _fault(store: Store, request: Request, ids: tuple[str, ...], operation: str) -> str:
    """What the plan wants to go wrong, decided by our key where the request or its object has one."""
    plan = Plan.of(store)
    if not (plan.share or plan.rules):
        return ""
    given = request.params.get("metadata", {})
    known = store.find("", ids[0]) if ids else None
    key = (given.get("key") if isinstance(given, dict) else "") or (known or {}).get("metadata", {}).get("key")
    about = key or request.headers.get("idempotency-key") or request.path
    with store.transaction():
        return plan.decide(operation, about, store.count_attempt(f"{operation}|{about}"))


def _refusal(fault: str) -> Response:
    if fault == "rate_limit":
        error = ApiError(429, "invalid_request_error", "Too many requests hit the API too quickly.", code="rate_limit")
    else:
        error = ApiError(500, "api_error", "Something went wrong on our end.")
    return Response.json(error.body, error.status)


def _run(
    store: Store, request: Request, handler: Callable[..., Body], ids: tuple[str, ...], *, declined: bool
) -> Response:
    """One step, committed before it is answered. What was answered to the same idempotency key is answered again."""
    call = Call(store, request.params, request.base_url, declined=declined)
    key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
    with store.transaction():
        if replayed := _replay(store, key, request):
            return replayed
        try:
            status, body = 200, _expand(store, handler(call, *ids), request.params.get("expand"))
        except ApiError as error:
            status, body = error.status, error.body
        shown = json.dumps(_shown(body))
        if key and status in {200, 402}:
            _remember(store, key, request, status, shown)
    if call.lost:
        raise Dropped
    return Response(status, shown.encode(), "application/json")


def _replay(store: Store, key: str, request: Request) -> Response | None:
    query = "SELECT fingerprint, status, body FROM answer WHERE key = ? AND created > ?"
    for row in store.rows(query, key, store.now() - KEY_LIFE) if key else ():
        if row["fingerprint"] != _fingerprint(request):
            message = "Keys for idempotent requests can only be used with the parameters they were first used with."
            error = ApiError(400, "idempotency_error", message)
            return Response.json(error.body, error.status)
        return Response(row["status"], row["body"].encode(), "application/json", {"Idempotent-Replayed": "true"})
    return None


def _remember(store: Store, key: str, request: Request, status: int, body: str) -> None:
    query = "INSERT OR REPLACE INTO answer (key, fingerprint, status, body, created) VALUES (?, ?, ?, ?, ?)"
    store.write(query, key, _fingerprint(request), status, body, store.now())


def _fingerprint(request: Request) -> str:
    asked = json.dumps([request.method, request.path, request.params], sort_keys=True)
    return sha256(asked.encode()).hexdigest()


def _expand(store: Store, body: Body, paths: Any) -> Body:
    """Put objects where their ids stand: `expand[]=setup_intent.payment_method`."""
    for path in paths if isinstance(paths, list) else ():
        at: Any = body
        for name in str(path).split("."):
            if not isinstance(at, dict) or name not in at:
                raise invalid(f"This property cannot be expanded ({name}).", param="expand")
            if isinstance(at[name], str):
                at[name] = store.find("", at[name]) or at[name]
            at = at[name]
            if at is None:
                break
    return body


def _shown(value: Any) -> Any:
    """Without what the sandbox keeps for itself, whose names begin with an underscore."""
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items() if not name.startswith("_")}
    return [_shown(inner) for inner in value] if isinstance(value, list) else value
