"""What staff fill in about a charge by hand. Bad input is refused here by field and rule; the verb checks again."""

import secrets
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from billing_portal.admin.credit_forms import AdjustForm
from core.periods import Period
from invoices.hand_charges import HandCharge

WHEN = [("next", gettext_lazy("On the next invoice")), ("now", gettext_lazy("Invoice now"))]


class ChargeForm(AdjustForm):
    """«Add a charge». `key` is made with the page: sending it twice adds one. `seen` is what its preview said."""

    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=160, help_text=gettext_lazy("On the invoice: what it is for")
    )
    starts_on = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(
        label=gettext_lazy("Until"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The last day it is for"),
    )
    when = forms.ChoiceField(label=gettext_lazy("Billed"), choices=WHEN, widget=forms.RadioSelect, initial="next")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, currency: str, is_fixed: bool, today: date) -> None:
        """`is_fixed`: the customer is billed in this currency and in no other."""
        key = secrets.token_hex(16)
        super().__init__(data, initial={"currency": currency, "key": key, "starts_on": today, "ends_on": today})
        self.fields["currency"].disabled = is_fixed
        self.fields["amount"].help_text = gettext("Before tax. Below zero it is a credit: −25.00")
        self.fields["reason"].help_text = gettext("Internal: kept in the audit trail")
        self.order_fields(["title", "amount", "currency", "starts_on", "ends_on", "when", "reason"])

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        first, last = values.get("starts_on"), values.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", gettext("Enter the same day as «From», or a later one."))
        return values

    @property
    def is_now(self) -> bool:
        return bool(self.cleaned_data["when"] == "now")

    def charge(self, customer_id: int) -> HandCharge:
        """What these answers ask for; the form is valid."""
        values = self.cleaned_data
        return HandCharge(
            key=values["key"],
            customer_id=customer_id,
            title=values["title"],
            currency=values["currency"],
            amount=self.minor,
            period=Period(values["starts_on"], values["ends_on"] + timedelta(days=1)),
        )
