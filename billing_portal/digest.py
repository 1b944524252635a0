"""S1, the daily summary for staff: what waits for somebody, as the work list counts it, in one mail."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.notices import NoticeDraft
from accounts.roles import capabilities
from billing_portal.admin.worklist import Work, work_for
from core import formats
from core.periods import utc_day

SUBJECT = 60  # characters that lists of mail show
# Nobody waits for these, and there are some every month: they are looked at on the staff site.
LEFT_OUT = frozenset({"drafts", "plans"})
# In the order of the work list; `%(count)s` may be «100+».
WORDS: Mapping[str, Callable[[int], str]] = {
    "parked": lambda n: ngettext("%(count)s parked customer", "%(count)s parked customers", n),
    "unresolved": lambda n: ngettext("%(count)s uncertain payment", "%(count)s uncertain payments", n),
    "declined": lambda n: ngettext("%(count)s declined payment", "%(count)s declined payments", n),
    "overdue": lambda n: ngettext("%(count)s overdue invoice", "%(count)s overdue invoices", n),
    "refunds": lambda n: ngettext("%(count)s refund in trouble", "%(count)s refunds in trouble", n),
    "disputes": lambda n: ngettext("%(count)s open dispute", "%(count)s open disputes", n),
    "events": lambda n: ngettext("%(count)s failed event", "%(count)s failed events", n),
    "inquiries": lambda n: ngettext("%(count)s contact request", "%(count)s contact requests", n),
    "corrections": lambda n: ngettext("%(count)s correction asked for", "%(count)s corrections asked for", n),
    "questions": lambda n: ngettext("%(count)s question about a charge", "%(count)s questions about charges", n),
}


class Told(NamedTuple):
    """One kind of work in the summary: `3 declined payments`, and where they are."""

    text: str
    url: str


def waiting(work: Sequence[Work]) -> list[Told]:
    """Of what the work list shows: what is worth a mail."""
    rows = (item for item in work if item.count and item.key not in LEFT_OUT)
    return [Told(WORDS[item.key](item.count) % {"count": item.count_text}, item.url) for item in rows]


class Summaries:
    """The summaries of one instant. People with the same capabilities get the same one, asked for once."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._known: dict[frozenset[str], list[Told]] = {}

    def of(self, user: User) -> list[Told]:
        """Nothing for who is no staff any more."""
        may = capabilities(user)
        held = frozenset(name for name, is_held in may.items() if is_held)
        if held not in self._known:
            self._known[held] = waiting(work_for(may, self.at)) if held else []
        return self._known[held]


def digest(user: User, rows: Sequence[Told], at: datetime) -> NoticeDraft:
    """S1 for one member of staff and one day."""
    return NoticeDraft(
        key=f"digest:{user.pk}:{utc_day(at).isoformat()}",
        customer_id=None,
        template="staff_digest",
        to=[user.email],
        context={
            "headline": headline([row.text for row in rows]),
            "as_of": formats.instant(at),
            "rows": [{"text": row.text, "url": settings.PORTAL_URL + row.url} for row in rows],
            "url": settings.PORTAL_URL + reverse("admin:index"),
            "off_url": settings.PORTAL_URL + reverse("admin:digest"),
        },
    )


def headline(parts: Sequence[str]) -> str:
    """The subject: as many of the parts as fit into a list of mail, and that there are more."""
    for many in range(len(parts), 0, -1):
        shown = ", ".join(parts[:many])
        text = _("Billing: %(what)s") if many == len(parts) else _("Billing: %(what)s and more")
        if len(text % {"what": shown}) <= SUBJECT or many == 1:
            return text % {"what": shown}
    return ""
