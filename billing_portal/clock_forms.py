"""What people fill in to move a test clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.ids import public_id
from core.periods import midnight

NEXT = "next"
DAYS = (1, 3, 7, 30)
HIDDEN = forms.HiddenInput({"id": False})  # a page has two such forms, and an id belongs to one element


def steps() -> list[tuple[str, str]]:
    """How far the clock is moved: asked for with each form, in the language of whoever sees it."""
    days = ((str(days), ngettext("%(number)s day", "%(number)s days", days) % {"number": days}) for days in DAYS)
    return [(NEXT, gettext("To the next event")), *days]


class MoveForm(forms.Form):
    """One button of several, or a date. `key` makes a double submit one move; `shown` is what the clock showed."""

    key = forms.RegexField(r"^clk_[a-z0-9]{20}$", widget=HIDDEN)
    shown = forms.DateTimeField(widget=HIDDEN)
    step = forms.ChoiceField(choices=steps, required=False, widget=HIDDEN)
    on = forms.DateField(
        label=_("Date"),
        required=False,
        help_text=_("The clock goes to the beginning of that day, UTC."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, shown: datetime | None = None) -> None:
        super().__init__(data, initial={"key": public_id("clk"), "shown": shown.isoformat() if shown else ""})

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not values.get("step") and not values.get("on"):
            self.add_error("on", gettext("Choose a date."))
        return values

    def until(self, next_event: datetime | None) -> datetime:
        """The instant that was chosen. `next_event` None: nothing is due at any time, so a day."""
        values = self.cleaned_data
        shown: datetime = values["shown"]
        if values["on"]:
            return midnight(values["on"])
        if values["step"] == NEXT:
            return next_event or shown + timedelta(days=1)
        return shown + timedelta(days=int(values["step"]))


class StartForm(forms.Form):
    """Why a customer gets a clock of their own; staff alone are asked."""

    reason = forms.CharField(
        label=_("Reason"), max_length=300, help_text=_("For the audit trail; the customer does not see it.")
    )


class UseForm(forms.Form):
    """Made-up usage: nothing but its key."""

    key = forms.RegexField(r"^use_[a-z0-9]{20}$", widget=HIDDEN)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"key": public_id("use")})
