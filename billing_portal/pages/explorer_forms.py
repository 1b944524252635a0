"""What people ask the usage explorer; the address is the question."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import formats
from core.periods import Window, midnight, utc_day
from plans.selectors.windows import UsedWindow
from usage.exploring import steps_of

CURRENT, CUSTOM = "current", "custom"
LONGEST = 366  # days
LONGEST_BY_HOUR = 31
RECENT = timedelta(days=30)
STEPS = [("day", _("Days")), ("hour", _("Hours"))]


class ExplorerForm(forms.Form):
    """Which usage, by what. Without a choice: the running window of the plan's first meter, by days.

    `meters`: name by key of the feature. `dimensions`: those of the chosen meter; another one asked for is no error,
    because it is left over from the meter before.
    """

    period = forms.ChoiceField(label=_("Usage window"))
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    meter = forms.ChoiceField(label=_("Meter"))
    group = forms.ChoiceField(label=_("Group by"), required=False)
    step = forms.ChoiceField(label=_("Show by"), choices=STEPS)

    def __init__(
        self,
        data: Mapping[str, str],
        *,
        windows: Sequence[UsedWindow],
        meters: Mapping[str, str],
        dimensions: Sequence[str],
        at: datetime,
    ) -> None:
        self.at = at
        self.windows = {name_of(used): used for used in windows}
        asked = {"period": CURRENT, "meter": next(iter(meters), ""), "step": "day"}
        asked |= {name: value for name in self.base_fields if (value := data.get(name))}
        if asked.get("group") not in dimensions:
            asked.pop("group", None)
        super().__init__(asked | self._days(asked))
        self.asked = asked
        self.has_meters = bool(meters)
        self.fields["period"].choices = [*self._periods(), (CUSTOM, gettext("Custom dates"))]  # type: ignore[attr-defined]
        self.fields["meter"].choices = list(meters.items())  # type: ignore[attr-defined]
        self.fields["group"].choices = [("", gettext("Nothing")), *[(name, name) for name in dimensions]]  # type: ignore[attr-defined]

    def _days(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Custom dates begin with the last 30 days."""
        today = utc_day(self.at)
        days = {"since": (today - RECENT + timedelta(days=1)).isoformat(), "until": today.isoformat()}
        return {name: day for name, day in days.items() if asked["period"] == CUSTOM and name not in asked}

    def _periods(self) -> list[tuple[str, str]]:
        return [
            (name, _running(used.window) if used.is_running else formats.window(used.window))
            for name, used in self.windows.items()
        ]

    @property
    def is_custom(self) -> bool:
        return bool(self.data["period"] == CUSTOM)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if self.is_custom:
            self._check_days(cleaned["since"], cleaned["until"])
        if not self.errors and cleaned["step"] == "hour" and len(steps_of(self.window(), "day")) > LONGEST_BY_HOUR:
            self.add_error(
                "step",
                gettext("Hours are shown for up to %(number)s days. Choose fewer days, or show days instead of hours.")
                % {"number": LONGEST_BY_HOUR},
            )
        return cleaned

    def _check_days(self, since: date, until: date) -> None:
        if since > utc_day(self.at):
            self.add_error("since", gettext("Choose a first day that is not after today."))
        elif until < since:
            self.add_error("until", gettext("Choose a last day that is not before the first one."))
        elif (until - since).days >= LONGEST:
            self.add_error("until", gettext("Choose at most %(number)s days.") % {"number": LONGEST})

    def used_window(self) -> UsedWindow | None:
        """The chosen usage window; None for dates of one's own. Of a form without errors, like what follows."""
        return self.windows.get(self.cleaned_data["period"])

    def window(self) -> Window:
        """What is looked at, half-open, as far as it has passed."""
        used = self.used_window()
        if used is not None:
            return used.window.until(self.at)
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return Window(midnight(since), midnight(until + timedelta(days=1))).until(self.at)


def _running(window: Window) -> str:
    return gettext("Current: %(window)s") % {"window": formats.period(window.period)}


def name_of(used: UsedWindow) -> str:
    """How a usage window stands in an address: by its start, so that a link shows the same next month."""
    return CURRENT if used.is_running else used.window.start.isoformat().replace("+00:00", "Z")
