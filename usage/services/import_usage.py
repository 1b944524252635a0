"""Bring a file of usage in."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import BinaryIO

from core.periods import utc_day
from usage.cloudevents import EventDraft
from usage.exceptions import ImportFileError
from usage.importers import FORMATS, Line, read_lines
from usage.services.ingest_events import ingest_events
from usage.summary import ImportSummary

BATCH = 1_000


def import_usage(
    *,
    file: BinaryIO,
    file_format: str,
    subject: str,
    token_customer_id: int | None,
    shift_to: date | None = None,
    until: datetime | None = None,
    at: datetime,
    progress: Callable[[ImportSummary], None] = lambda _summary: None,
) -> ImportSummary:
    """Ingest a file line by line, in batches that are each kept at once; a file again brings only what is missing.

    `subject` is given to events that carry none. `shift_to`: whole days are added so that the first event falls on
    that UTC day. `until`: later events are left for another time and counted. Bad lines are counted, the rest kept.
    Raises ImportFileError for a format nobody reads.
    """
    if file_format not in FORMATS:
        raise ImportFileError(f"unknown format {file_format}", message=f"“{file_format}” is no format we read.")
    summary = ImportSummary()
    lines = read_lines(file, read=FORMATS[file_format], subject=subject)
    drafts = _wanted(lines, summary, shift_to, until)
    while batch := list(islice(drafts, BATCH)):
        _keep(batch, summary, token_customer_id, at)
        progress(summary)
    return summary


def _wanted(
    lines: Iterable[Line], summary: ImportSummary, shift_to: date | None, until: datetime | None
) -> Iterator[tuple[int, EventDraft]]:
    shift: timedelta | None = None
    for line in lines:
        summary.lines, summary.bytes_read = line.number, line.end
        if line.error is not None:
            summary.reject(line.number, line.error.code, line.error.message)
        if line.draft is None:
            continue
        draft = line.draft
        if shift_to is not None and draft.time is not None:
            shift = shift_to - utc_day(draft.time) if shift is None else shift
            draft = draft._replace(time=_shifted(draft.time, shift))
        if until is not None and draft.time is not None and draft.time >= until:
            summary.later += 1
            continue
        yield line.number, draft


def _shifted(time: datetime, shift: timedelta) -> datetime:
    try:
        return time + shift
    except OverflowError:
        raise ImportFileError(
            f"{time} + {shift}", message="Shifted there, an event would leave the calendar."
        ) from None


def _keep(
    batch: list[tuple[int, EventDraft]], summary: ImportSummary, token_customer_id: int | None, at: datetime
) -> None:
    result = ingest_events(events=[draft for _number, draft in batch], token_customer_id=token_customer_id, at=at)
    summary.accepted += result.accepted
    summary.duplicates += result.duplicates
    for one in result.rejected:
        summary.reject(batch[one.index][0], one.code, one.message)
    summary.cover(draft.time for _number, draft in batch if draft.time is not None)
