"""What staff fill in about a request to sales."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext, gettext_lazy

from accounts.models import User
from core.ids import public_id
from plans.models import InquiryStatus, SalesInquiry


class InquiryForm(forms.Form):
    """Where the request stands. `key` is made with the page; `seen` is the one that wrote last when it was shown."""

    key = forms.RegexField(r"^ink_[a-z0-9]{20}$", widget=forms.HiddenInput)
    seen = forms.CharField(required=False, widget=forms.HiddenInput, max_length=40)
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        choices=[(one.value, one.label.capitalize()) for one in InquiryStatus],
        widget=forms.RadioSelect,
    )
    owner = forms.ChoiceField(label=gettext_lazy("Owner"), required=False)
    next_step = forms.CharField(label=gettext_lazy("Next step"), required=False, max_length=200)
    next_on = forms.DateField(label=gettext_lazy("On"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Appended with your name; nobody can change it. The customer does not see it."),
    )

    def __init__(self, inquiry: SalesInquiry, owners: Sequence[User], data: Mapping[str, Any] | None = None) -> None:
        initial = {
            "key": public_id("ink"),
            "seen": inquiry.worked_key,
            "status": inquiry.status,
            "owner": inquiry.owner_id or "",
            "next_step": inquiry.next_step,
            "next_on": inquiry.next_on,
        }
        super().__init__(data, initial=initial)
        known = {owner.pk: owner for owner in owners}
        if inquiry.owner is not None:
            known.setdefault(inquiry.owner.pk, inquiry.owner)  # who has left keeps it until somebody takes it
        self.owners = list(known.values())
        choices = [("", gettext("Nobody")), *((str(owner.pk), str(owner)) for owner in self.owners)]
        cast("forms.ChoiceField", self.fields["owner"]).choices = choices

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("next_on") and not self.cleaned_data.get("next_step"):
            self.add_error("next_step", gettext("Say what is to be done on that day."))
        return self.cleaned_data

    def work(self) -> dict[str, Any]:
        """As `work_inquiry` takes it."""
        data = self.cleaned_data
        owner = int(data["owner"]) if data["owner"] else None
        values = {name: data[name] for name in ("status", "next_step", "next_on")}
        return {"values": {**values, "owner_id": owner}, "note": data["note"], "key": data["key"], "seen": data["seen"]}
