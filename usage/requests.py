"""The body of an ingestion request: limits first, then JSON with exact numbers."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest

from accounts.api import ApiError

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
EITHER = "application/json"


def read_events(request: HttpRequest) -> list[Any]:
    """The events of the body, not yet checked; at least one. Raises ApiError 400, 413 or 415."""
    content_type = request.content_type or ""
    if content_type not in {SINGLE, BATCH, EITHER}:
        raise ApiError(415, "unsupported_media_type", f"Send {SINGLE}, {BATCH} or {EITHER}.")
    parsed = _parse(_body(request))
    if content_type == SINGLE and isinstance(parsed, list):
        raise ApiError(400, "not_one_event", f"A batch is sent as {BATCH}.")
    if content_type == BATCH and not isinstance(parsed, list):
        raise ApiError(400, "not_a_batch", "A batch must be a JSON array of events.")
    events = parsed if isinstance(parsed, list) else [parsed]
    if not events:
        raise ApiError(400, "no_events", "The batch is empty.")
    if len(events) > settings.EVENT_BATCH_MAX:
        raise ApiError(413, "batch_too_large", f"A batch has at most {settings.EVENT_BATCH_MAX} events.")
    return events


def _body(request: HttpRequest) -> bytes:
    """At most the allowed number of bytes, whatever Content-Length says, without ever holding more."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    too_large = ApiError(413, "too_large", f"A request has at most {limit} bytes.")
    if _announced(request) > limit:
        raise too_large
    try:
        body = _read(request, limit + 1)
    except OSError:
        raise ApiError(400, "unreadable_body", "The body ended before it was complete.") from None
    if len(body) > limit:
        raise too_large
    if not body:
        raise ApiError(400, "empty_body", "The body is empty.")
    return body


def _read(request: HttpRequest, size: int) -> bytes:
    """Django reads no further than Content-Length; a chunked body has none and ends where its server says so."""
    chunked = "CONTENT_LENGTH" not in request.META and request.META.get("wsgi.input_terminated")
    body: bytes = (request.META["wsgi.input"] if chunked else request).read(size)
    return body


def _announced(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ApiError(400, "not_utf8", "The body is not UTF-8.") from None
    except RecursionError:
        raise ApiError(400, "malformed_json", "The JSON is nested too deeply.") from None
    except InvalidOperation:
        raise ApiError(400, "malformed_json", "The JSON contains a number that is too large.") from None
    except json.JSONDecodeError as error:
        message = f"The JSON is malformed at line {error.lineno}, column {error.colno}."
        raise ApiError(400, "malformed_json", message) from None
    except ValueError:
        raise ApiError(400, "malformed_json", "The JSON contains a number that is no JSON number.") from None


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
