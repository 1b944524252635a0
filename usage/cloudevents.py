"""CloudEvents 1.0 in JSON, read strictly and purely: one mapping in, one `EventDraft` out, or the rule it breaks."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

MAX_TEXT = 200
MAX_TYPE = 120
MAX_DATA = 64 * 1024  # characters of JSON of one event
MAX_EXPONENT = 300  # of any number in the data; beyond it the database would spell out that many digits
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)  # RFC 3339
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class EventRejectedError(Exception):
    """One event breaks a rule: `code` for programs, `message` for people. The rest of its batch is kept."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class EventDraft(NamedTuple):
    """One event, well-formed, not yet judged. `data` is JSON with numbers as int or Decimal; no `time` means now."""

    source: str
    event_id: str
    type: str
    subject: str
    time: datetime | None
    data: Mapping[str, object]
    corrects: str = ""


def parse(event: object) -> EventDraft:
    """A CloudEvent (parsed with parse_float=Decimal) as a draft. Raises EventRejectedError."""
    if not isinstance(event, dict):
        raise EventRejectedError("not_an_object", "An event must be a JSON object.")
    if event.get("specversion") != "1.0":
        raise EventRejectedError("invalid_specversion", '`specversion` must be "1.0".')
    if "data_base64" in event:
        raise EventRejectedError("invalid_data", "`data_base64` is not accepted: send `data` as a JSON object.")
    data = event.get("data")
    if data is not None and not isinstance(data, dict):
        raise EventRejectedError("invalid_data", "`data` must be a JSON object.")
    time = event.get("time")
    corrects = event.get("corrects")
    return EventDraft(
        source=_text(event, "source", MAX_TEXT),
        event_id=_text(event, "id", MAX_TEXT),
        type=_text(event, "type", MAX_TYPE),
        subject=_text(event, "subject", MAX_TEXT),
        time=None if time is None else parse_time(time),
        data={} if data is None else data,
        corrects="" if corrects is None else _text(event, "corrects", MAX_TEXT),
    )


def _text(event: dict[str, object], name: str, longest: int) -> str:
    value = event.get(name)
    if value is None:
        raise EventRejectedError(f"missing_{name}", f"`{name}` is missing.")
    if not isinstance(value, str) or not value:
        raise EventRejectedError(f"invalid_{name}", f"`{name}` must be a text that is not empty.")
    if len(value) > longest:
        raise EventRejectedError(f"invalid_{name}", f"`{name}` is longer than {longest} characters.")
    if not value.isprintable() and not is_storable(value):
        raise EventRejectedError(f"invalid_{name}", f"`{name}` contains characters that can't be stored.")
    return value


def is_storable(value: str) -> bool:
    """Whether the database can keep the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def parse_time(value: object) -> datetime:
    """An RFC 3339 instant in UTC, cut to the microsecond. Raises EventRejectedError."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise EventRejectedError("invalid_time", "`time` must be like 2026-10-20T10:00:00Z (RFC 3339).")
    try:
        time = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise EventRejectedError("invalid_time", "`time` is not a date and time that exists.") from None
    if time < EARLIEST:
        raise EventRejectedError("invalid_time", "`time` is before the year 2000.")
    return time


def json_text(data: Mapping[str, object]) -> str:
    """The data as the JSON text to store, every number exact. Raises EventRejectedError where it can't be stored."""
    try:
        text = _FAST.encode(data)
    except (TypeError, ValueError, RecursionError):
        text = _exact(data)
    if len(text) > MAX_DATA:
        raise EventRejectedError("data_too_large", f"`data` is larger than {MAX_DATA} characters.")
    if ("\\u0000" in text and _NUL.search(text)) or (not text.isascii() and not is_storable(text)):
        raise EventRejectedError("invalid_data", "`data` contains characters that can't be stored.")
    return text


_FAST = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def _exact(data: Mapping[str, object]) -> str:
    """The slow way, for data with decimal numbers, which Python's encoder would turn into floats."""
    try:
        return _spell(data)
    except (RecursionError, ValueError):
        raise EventRejectedError(
            "invalid_data", "`data` is nested too deeply, or a number has too many digits."
        ) from None


def _spell(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_FAST.encode(str(key))}:{_spell(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_spell, value)) + "]"
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT or len(value.as_tuple().digits) > MAX_EXPONENT:
            raise EventRejectedError("invalid_data", "`data` contains a number that is too large or too fine.")
        return format(value, "f")
    if isinstance(value, str | int | None):
        return _FAST.encode(value)
    raise EventRejectedError("invalid_data", f"`data` contains a value that is not JSON: {type(value).__name__}.")
