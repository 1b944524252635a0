"""Events on their way to the portal: signed, sent until they are taken."""

from __future__ import annotations

import hmac
import json
import logging
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from processor.storage import Body, Store

logger = logging.getLogger("processor")

Post = Callable[[bytes, str], int]  # payload, signature → HTTP status (0: no answer)

WAITS: Final = (1, 3, 10, 30, 120, 600, 3600)  # seconds before each further try; the last one again and again
GIVEN_UP: Final = 40  # tries
PATIENCE: Final = 10  # seconds for an answer


def sign(payload: bytes, secret: str, at: float) -> str:
    """Stripe's header: the time and an HMAC of time and payload."""
    stamp = int(at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, "sha256").hexdigest()
    return f"t={stamp},v1={digest}"


def payload_of(event: Body) -> bytes:
    return json.dumps(event, indent=2).encode()


def waiting(store: Store, before: float | None = None) -> list[tuple[int, Body]]:
    """Deliveries to make, in the order they are due: (number, event). `before`: only those due by then."""
    rows = store.rows(
        "SELECT delivery.seq, object.body FROM delivery JOIN object ON object.id = delivery.event"
        " WHERE delivered IS NULL AND tries < ? AND due <= ? ORDER BY due, delivery.seq LIMIT 500",
        *(GIVEN_UP, math.inf if before is None else before),
    )
    return [(row["seq"], store.read(row["body"])) for row in rows]


def deliver(store: Store, post: Post, secret: str, *, before: float | None = None) -> int:
    """Send what waits; how many were taken (2xx). Others are sent again later. Nothing is locked while sending."""
    taken = 0
    for number, event in waiting(store, before):
        payload = payload_of(event)
        status = post(payload, sign(payload, secret, time.time()))
        taken += _note(store, number, status)
    return taken


def _note(store: Store, number: int, status: int) -> bool:
    with store.transaction():
        tries = store.rows("SELECT tries FROM delivery WHERE seq = ?", number)[0]["tries"]
        taken = 200 <= status < 300
        store.write(
            "UPDATE delivery SET tries = tries + 1, answered = ?, due = ?, delivered = ? WHERE seq = ?",
            *(str(status), time.time() + WAITS[min(tries, len(WAITS) - 1)], time.time() if taken else None, number),
        )
    return taken


def poster(url: str) -> Post:
    """Sends to an address; the status it answered, 0 where nobody did."""

    def post(payload: bytes, signature: str) -> int:
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
        request = urllib.request.Request(url, payload, headers)  # noqa: S310 - the address is the operator's
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError as error:
            logger.info("webhook not delivered: %s", type(error).__name__)
            return 0

    return post
