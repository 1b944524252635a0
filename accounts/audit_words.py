"""Entries of the audit trail in words: who did what, what it was before and is now, and why."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from accounts.models import AuditEntry
from accounts.staff_words import words_of
from core import formats

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
AMOUNT = re.compile(r"(^|_)(amount|total|price|paid|due|balance|tax|kept|refunded|applied|closing)$")
CODE = re.compile(r"[a-z]+(_[a-z]+)+")  # a value from a list of choices: bank_transfer
NOTHING = "–"
# Where the verb's name alone would not be understood.
ACTIONS = {
    "open_customer": gettext_lazy("Create customer"),
    "park_customer": gettext_lazy("Leave out of runs"),
    "unpark_customer": gettext_lazy("Take along in runs again"),
    "begin_viewing": gettext_lazy("Log in as viewer"),
    "end_viewing": gettext_lazy("Stop viewing"),
    "add_usage_subject": gettext_lazy("Add usage mapping"),
    "remove_usage_subject": gettext_lazy("Remove usage mapping"),
    "make_default": gettext_lazy("Make default payment method"),
    "send_notice_again": gettext_lazy("Send a message again"),
    "start_clock": gettext_lazy("Start test clock"),
    "move_clock": gettext_lazy("Move test clock"),
    "end_move": gettext_lazy("Test clock stands"),
    "end_clock": gettext_lazy("End test clock"),
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
    """One entry of the trail, in words. `currency` is the customer's, for amounts of entries that name none; `number`
    that of the document it is about."""

    entry: AuditEntry
    currency: str = ""
    number: str = ""

    @property
    def what(self) -> str:
        return action_words(self.entry.action)

    @property
    def subject(self) -> str:
        """`invoice:7` → INV-2026-000007, or Invoice 7 where it has no number."""
        kind, _, which = self.entry.subject.partition(":")
        return self.number or f"{_words(kind)} {which}".strip()

    @property
    def changes(self) -> list[Change]:
        before, after = self.entry.before, self.entry.after
        currency = str(after.get("currency") or before.get("currency") or self.currency)
        every = (
            Change(_words(name), _value(name, was, currency), _value(name, now, currency))
            for name in dict.fromkeys((*before, *after))
            for was, now in [_sides(name, before, after)]
        )
        return [change for change in every if (change.before, change.after) != (NOTHING, NOTHING)]


def _sides(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What is not told anew, beside other things that are, has not changed; where nothing is told, it is gone."""
    return ({}, before) if after and name not in after else (before, after)


def action_words(action: str) -> str:
    """`change_plan` → Change plan."""
    return str(ACTIONS.get(action) or _words(action))


def _words(name: str) -> str:
    text = str(words_of(name)).strip()
    return text[:1].upper() + text[1:]


def _value(name: str, values: Mapping[str, Any], currency: str) -> str:
    value = values.get(name)
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    is_amount = AMOUNT.search(name) or (name == "lines" and isinstance(value, dict))
    return _text(value, currency if is_amount else "")


def _text(value: Any, currency: str = "") -> str:
    """`currency`: whole numbers are amounts in its minor units."""
    if isinstance(value, int) and currency:
        return formats.money(value, currency)
    if isinstance(value, list):
        return ", ".join(_text(each, currency) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{_words(str(name))}: {_text(each, currency)}" for name, each in value.items())
    text = str(value)
    if CODE.fullmatch(text):
        return str(words_of(text))
    try:
        if INSTANT.match(text):
            return formats.instant(datetime.fromisoformat(text))
        return formats.day(datetime.fromisoformat(text).date()) if DAY.fullmatch(text) else text
    except ValueError:
        return text
