"""How old something is, for people."""

from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext, ngettext

from core import formats
from core.periods import utc_day

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def updated(at: datetime, now: datetime) -> str:
    """`Updated 14:03 UTC (2 minutes ago)`, with the day where that is not today."""
    same_day = utc_day(at) == utc_day(now)
    when = f"{at.astimezone(UTC):%H:%M} UTC" if same_day else formats.instant(at)
    return gettext("Updated %(when)s (%(ago)s)") % {"when": when, "ago": ago(now - at)}


def ago(age: timedelta) -> str:
    """`just now`, `2 minutes ago`, `3 hours ago`, `2 days ago`; never more than it is."""
    if age < MINUTE:
        return gettext("just now")
    if age < HOUR:
        count = age // MINUTE
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", count) % {"count": count}
    if age < 2 * DAY:
        count = age // HOUR
        return ngettext("%(count)d hour ago", "%(count)d hours ago", count) % {"count": count}
    count = age // DAY
    return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
