"""What is logged: one JSON object a line in production, and never a secret, a card number or an e-mail address.

Lines of one request share its id, lines of one task the task's. Standard library only.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from celery.signals import task_postrun, task_prerun
from django.http import HttpRequest
from django.http.response import HttpResponseBase

requests = logging.getLogger("billing_portal.requests")

SURROUNDINGS: ContextVar[Mapping[str, Any]] = ContextVar("surroundings", default=MappingProxyType({}))
STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}
PLAIN = (str, int, bool, type(None))
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

HIDDEN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(/reset/key/|/confirm-email/)[^/\s\"']+"), r"\1[key]"),
    (re.compile(r"\b(?:bpt_|sk_|rk_|pk_|whsec_|tok_)[A-Za-z0-9_-]{6,}"), "[secret]"),
    (re.compile(r"\b((?:pi|seti)_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+"), r"\1_[secret]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 [secret]"),
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), "[secret]"),
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), "[e-mail]"),
)
LONG_NUMBER = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")


def redact(text: str) -> str:
    """Without what must not be kept: secrets, keys of links, card numbers, e-mail addresses."""
    for pattern, instead in HIDDEN:
        text = pattern.sub(instead, text)
    return LONG_NUMBER.sub(lambda found: "[card number]" if _is_card(found[0]) else found[0], text)


def _is_card(number: str) -> bool:
    """By its check digit (Luhn): a number of an invoice or a time stays readable."""
    digits = [int(sign) for sign in reversed(number) if sign.isdigit()]
    return sum(sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits)) % 10 == 0


class PlainFormatter(logging.Formatter):
    """For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """`{"at": …, "level": …, "logger": …, "message": …}`, with the request or task, and what `extra` gave."""

    def format(self, record: logging.LogRecord) -> str:
        values = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **SURROUNDINGS.get(),
            **{name: value for name, value in record.__dict__.items() if name not in STANDARD and _is_plain(value)},
        }
        if record.exc_info:
            values["exception"] = self.formatException(record.exc_info)
        hidden = {name: redact(value) if isinstance(value, str) else value for name, value in values.items()}
        return json.dumps(hidden, ensure_ascii=False)


def _is_plain(value: object) -> bool:
    return isinstance(value, PLAIN)


@contextmanager
def surrounded(**values: Any) -> Iterator[None]:
    """Every line logged inside says these, too."""
    token = SURROUNDINGS.set({**SURROUNDINGS.get(), **values})
    try:
        yield
    finally:
        SURROUNDINGS.reset(token)


class RequestLogMiddleware:
    """Gives a request its id – that of the proxy (X-Request-ID), or a new one –, and logs one line at its end.

    The line names the route and not the address, which may hold keys of links.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = _request_id(request)
        with surrounded(request_id=request_id):
            began = time.perf_counter()
            response = self.get_response(request)
            took = round((time.perf_counter() - began) * 1_000)
            requests.info("%s %s", request.method, _route(request), extra=_told(request, response, took))
        response.headers["X-Request-ID"] = request_id
        return response


def _request_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(request: HttpRequest) -> str:
    return f"/{request.resolver_match.route}" if request.resolver_match else "(no route)"


def _told(request: HttpRequest, response: HttpResponseBase, took_ms: int) -> dict[str, Any]:
    """Who, where that is known already: nothing is asked of the database for a line in the log."""
    user = request.__dict__.get("_cached_user")
    membership = request.__dict__.get("_current_membership")
    return {
        "status": response.status_code,
        "took_ms": took_ms,
        "user_id": getattr(user, "pk", None),
        "customer_id": getattr(membership, "customer_id", None),
    }


# --- tasks -----------------------------------------------------------------------------------------------------------


@task_prerun.connect
def _task_begins(task_id: str = "", task: Any = None, **_: Any) -> None:
    SURROUNDINGS.set({**SURROUNDINGS.get(), "task_id": task_id, "task": getattr(task, "name", "")})


@task_postrun.connect
def _task_ends(**_: Any) -> None:
    SURROUNDINGS.set({name: value for name, value in SURROUNDINGS.get().items() if name not in ("task_id", "task")})
