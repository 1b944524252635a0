"""Types of command line arguments that several commands take."""

from datetime import UTC, date, datetime

from django.core.management.base import CommandError


def instant(text: str) -> datetime:
    """An ISO 8601 instant or day; without a zone it is UTC."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not an ISO 8601 instant such as 2026-12-17T01:00Z") from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def day(text: str) -> date:
    """An ISO 8601 day."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not an ISO 8601 day such as 2026-12-17") from error
