"""Files of usage, read line by line and purely: every line becomes an event, or says why not.

The event id of a line is the hash of the line and its occurrence number, so the same file twice brings nothing, a
file that has grown brings what is new, and identical lines of one file still count each.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from ipaddress import ip_network
from typing import BinaryIO, NamedTuple

from usage.cloudevents import EventDraft, EventRejectedError, parse

MAX_LINE = 256 * 1024
REMEMBERED = 200_000  # lines; identical ones further apart than that are taken for one

API_REQUEST = "api.request"
AI_TOKENS = "ai.tokens"
LLM_HEADER = b"TIMESTAMP,ContextTokens,GeneratedTokens"

Reader = Callable[[bytes, str, str], EventDraft | None]


class Line(NamedTuple):
    """One line of a file: its number from 1, where it ends in the file, and what it says.

    `draft` is None where it says nothing (an empty line, the header); `error` why it can't be read.
    """

    number: int
    end: int
    draft: EventDraft | None
    error: EventRejectedError | None = None


def read_lines(file: BinaryIO, *, read: Reader, subject: str) -> Iterator[Line]:
    """The lines of a file with a reader of `FORMATS`; events that carry no subject get this one."""
    occurrences = Occurrences()
    end = number = 0
    while raw := file.readline(MAX_LINE):
        number += 1
        end += len(raw)
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            end += _skip_line(file)
            yield Line(number, end, None, EventRejectedError("line_too_long", f"longer than {MAX_LINE} bytes"))
            continue
        line = raw.strip()
        try:
            yield Line(number, end, read(line, subject, occurrences.identify(line)) if line else None)
        except EventRejectedError as error:
            yield Line(number, end, None, error)


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while part := file.readline(MAX_LINE):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


class Occurrences:
    """How often each line was there already, of the latest ones: memory stays flat in files of any size."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()
        self._remembered = remembered

    def identify(self, line: bytes) -> str:
        """The event id of the next occurrence of this line."""
        digest = hashlib.blake2b(line, digest_size=16).digest()
        occurrence = self._seen.pop(digest, 0) + 1
        self._seen[digest] = occurrence
        if len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        return f"{digest.hex()}-{occurrence}"


# --- access log: Combined Log Format ----------------------------------------------------------------------------------

_ACCESS = re.compile(
    r'(?P<client>\S+) \S+ \S.*? \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]{3,20}) (?P<target>\S+)(?: HTTP/[\d.]+)?" '
    r"(?P<status>[1-5]\d\d) (?:\d+|-)(?: .*)?",
    re.ASCII | re.DOTALL,
)
_MONTH_NAMES = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_ACCESS_TIME = re.compile(rf"(\d\d)/({_MONTH_NAMES})/(\d{{4}}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split("|"), start=1)}
_IDENTIFIER = re.compile(
    r"\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{24,}", re.ASCII | re.IGNORECASE
)
MAX_ROUTE = 200


def read_access_log(line: bytes, subject: str, event_id: str) -> EventDraft:
    """One request: route, status, method and truncated client address. Raises EventRejectedError."""
    found = _ACCESS.fullmatch(line.decode("utf-8", "replace"))
    if found is None:
        raise EventRejectedError("not_combined_log", "not a request in Combined Log Format")
    data = {
        "route": route(found["target"]),
        "status": int(found["status"]),
        "method": found["method"],
        "client": truncated(found["client"]),
    }
    return EventDraft("import:access-log", event_id, API_REQUEST, subject, _access_time(found["time"]), data)


@lru_cache(maxsize=4096)
def route(target: str) -> str:
    """The path without its query, numbers and identifiers as `{id}`: /users/42?x=1 → /users/{id}."""
    path = re.split(r"[?#;]", re.sub(r"^https?://[^/]+", "", target), maxsplit=1)[0].replace("\x00", "") or "/"
    return "/".join("{id}" if _IDENTIFIER.fullmatch(part) else part for part in path.split("/"))[:MAX_ROUTE]


@lru_cache(maxsize=4096)
def truncated(client: str) -> str:
    """The network of a client, so that nobody can be recognised: /24 of IPv4, /48 of IPv6; unknown for a name."""
    try:
        return str(ip_network(f"{client}/{48 if ':' in client else 24}", strict=False))
    except ValueError:
        return "unknown"


def _access_time(value: str) -> datetime:
    found = _ACCESS_TIME.fullmatch(value)
    if found is None:
        raise EventRejectedError("invalid_time", "not a time like 17/May/2015:10:05:03 +0000")
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        local = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise EventRejectedError("invalid_time", "not a date and time that exists") from None


# --- token trace: TIMESTAMP,ContextTokens,GeneratedTokens -------------------------------------------------------------

_TRACE = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})?(?:\+00:00|Z)?,(\d{1,15}),(\d{1,15})")


def read_llm_trace(line: bytes, subject: str, event_id: str) -> EventDraft | None:
    """One call: tokens of context, generated, and both; times are UTC. Raises EventRejectedError."""
    if line.removeprefix(b"\xef\xbb\xbf") == LLM_HEADER:
        return None
    found = _TRACE.fullmatch(line)
    if found is None:
        raise EventRejectedError("not_llm_trace", f"not a line of {LLM_HEADER.decode()}")
    try:
        time = datetime.fromisoformat((found[1] + (found[2] or b"")[:7]).decode()).replace(tzinfo=UTC)
    except ValueError:
        raise EventRejectedError("invalid_time", "not a date and time that exists") from None
    context, generated = int(found[3]), int(found[4])
    data = {"context": context, "generated": generated, "tokens": context + generated}
    return EventDraft("import:llm-trace", event_id, AI_TOKENS, subject, time, data)


# --- CloudEvents, one per line ---------------------------------------------------------------------------------------


def read_cloudevent(line: bytes, subject: str, _event_id: str) -> EventDraft:
    """One CloudEvent as JSON; its own id counts. Raises EventRejectedError."""
    try:
        event = json.loads(line.decode("utf-8"), parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise EventRejectedError("malformed_json", "not JSON") from None
    if subject and isinstance(event, dict):
        event.setdefault("subject", subject)
    return parse(event)


FORMATS: dict[str, Reader] = {
    "access-log": read_access_log,
    "llm-trace": read_llm_trace,
    "cloudevents": read_cloudevent,
}
