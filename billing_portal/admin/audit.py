"""«Audit» of a customer: who did what, in words, what it was before and is now, and why."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import AuditEntry, Customer
from accounts.roles import READ
from billing_portal.admin.access import customer_page
from billing_portal.admin.customers import render_customer
from core import formats

PAGE = 50
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
AMOUNT = re.compile(r"(^|_)(amount|total|price|paid|due|balance)$")
NOTHING = "–"
# Where the verb's name alone would not be understood.
ACTIONS = {
    "open_customer": "Create customer",
    "park_customer": "Leave out of runs",
    "unpark_customer": "Take along in runs again",
    "begin_viewing": "Log in as viewer",
    "end_viewing": "Stop viewing",
    "add_usage_subject": "Add usage mapping",
    "remove_usage_subject": "Remove usage mapping",
    "make_default": "Make default payment method",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field in words; a side that had none is a dash."""

    name: str
    before: str
    after: str

    @property
    def was(self) -> bool:
        """Whether there was something before, and it was something else."""
        return self.before not in (NOTHING, self.after)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the trail, in words."""

    entry: AuditEntry

    @property
    def what(self) -> str:
        return action_words(self.entry.action)

    @property
    def subject(self) -> str:
        """`invoice:7` → Invoice 7."""
        kind, _, which = self.entry.subject.partition(":")
        return f"{_words(kind)} {which}".strip()

    @property
    def changes(self) -> list[Change]:
        before, after = self.entry.before, self.entry.after
        currency = str(after.get("currency") or before.get("currency") or "")
        every = (
            Change(_words(name), _value(name, before, currency), _value(name, after, currency))
            for name in dict.fromkeys((*before, *after))
        )
        return [change for change in every if (change.before, change.after) != (NOTHING, NOTHING)]


def action_words(action: str) -> str:
    """`change_plan` → Change plan."""
    return ACTIONS.get(action) or _words(action)


def _words(name: str) -> str:
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _value(name: str, values: Mapping[str, Any], currency: str) -> str:
    value = values.get(name)
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and currency and AMOUNT.search(name):
        return formats.money(value, currency)
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{_words(str(name))}: {_text(each)}" for name, each in value.items())
    text = str(value)
    try:
        if INSTANT.match(text):
            return formats.instant(datetime.fromisoformat(text))
        return formats.day(datetime.fromisoformat(text).date()) if DAY.fullmatch(text) else text
    except ValueError:
        return text


@require_safe
@customer_page(READ)
def customer_audit(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Newest first; `?action=` one action alone, `?before=` the page after that entry."""
    own = AuditEntry.objects.filter(customer=customer)
    actions = sorted(own.order_by().values_list("action", flat=True).distinct(), key=action_words)
    action, before = request.GET.get("action", ""), request.GET.get("before", "")
    rows = own.select_related("actor").order_by("-pk")
    if action in actions:
        rows = rows.filter(action=action)
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows[: PAGE + 1])
    kept = {"action": action} if action in actions else {}
    older = "?" + urlencode({**kept, "before": shown[PAGE - 1].pk}) if len(shown) > PAGE else ""
    context = {
        "rows": [Row(entry) for entry in shown[:PAGE]],
        "actions": [(each, action_words(each)) for each in actions],
        "action": kept.get("action", ""),
        "older_url": older,
        "newer_url": "?" + urlencode(kept) if before else "",
    }
    return render_customer(request, customer, "admin/customer_audit.html", context)
