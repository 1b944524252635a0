"""What staff fill in about credits. Bad input is refused here by field and rule; the verbs check again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Customer
from core.money import UnknownCurrencyError, exponent, quantize
from credits.grants import GrantDraft

if TYPE_CHECKING:
    from django.http import QueryDict

CHARGES = [
    ("promotional", gettext_lazy("Promotional / Free")),
    ("invoiced", gettext_lazy("Invoice the customer")),
    ("external", gettext_lazy("Paid outside")),
]
AVAILABILITIES = [
    ("now", gettext_lazy("Available immediately on grant")),
    ("on_date", gettext_lazy("On date")),
    ("after_payment", gettext_lazy("After payment")),
]
INSTANT = "%Y-%m-%dT%H:%M"


class InstantField(forms.DateTimeField):
    """A UTC instant, to the minute."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(format=INSTANT, attrs={"type": "datetime-local"})
        super().__init__(widget=widget, input_formats=[INSTANT, "%Y-%m-%d %H:%M", "%Y-%m-%d"], **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


class GrantForm(forms.Form):
    """«New credit grant»."""

    amount = forms.DecimalField(
        label=gettext_lazy("Credit amount"),
        max_digits=16,
        help_text=gettext_lazy("In the currency's own units: 100.00"),
    )
    currency = forms.CharField(
        label=gettext_lazy("Currency"), max_length=3, min_length=3, help_text=gettext_lazy("ISO code: USD")
    )
    name = forms.CharField(
        label=gettext_lazy("Name shown to the customer"),
        max_length=100,
        initial="Credits",
        help_text=gettext_lazy("On the Credits tab and invoices"),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        help_text=gettext_lazy("Internal: why it is granted; kept in the audit trail"),
    )
    charge = forms.ChoiceField(
        label=gettext_lazy("Type"), choices=CHARGES, initial="promotional", widget=forms.RadioSelect
    )
    unit_cost = forms.DecimalField(
        label=gettext_lazy("Per-unit cost"),
        required=False,
        min_value=Decimal(0),
        max_digits=20,
        decimal_places=12,
        help_text=gettext_lazy("Of credit that is paid for: its price is the amount × this. Empty: 1"),
    )
    availability = forms.ChoiceField(
        label=gettext_lazy("Credit availability"), choices=AVAILABILITIES, initial="now", widget=forms.RadioSelect
    )
    effective_at = InstantField(
        label=gettext_lazy("Available from"), required=False, help_text=gettext_lazy("UTC; for «On date»")
    )
    priority = forms.IntegerField(
        label=gettext_lazy("Credit draw-down order"),
        min_value=1,
        max_value=1000,
        initial=10,
        help_text=gettext_lazy("1 to 1000: the lowest number is used first"),
    )
    expires_at = InstantField(
        label=gettext_lazy("Expires"), required=False, help_text=gettext_lazy("UTC; from this instant on it is gone")
    )
    features = forms.MultipleChoiceField(
        label=gettext_lazy("Restrict to features"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None: it pays for everything"),
    )

    def __init__(self, *args: Any, features: Mapping[str, str], at: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at = at
        self.fields["features"].choices = list(features.items())  # type: ignore[attr-defined]

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        try:
            exponent(code)
        except UnknownCurrencyError as error:
            raise ValidationError(gettext("There is no currency %(code)s.") % {"code": code}) from error
        return code

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        self._check_amount(values)
        self._check_availability(values)
        expires, effective = values.get("expires_at"), values.get("effective_at")
        if expires and expires <= max(effective or self.at, self.at):
            self.add_error(
                "expires_at", gettext("Choose an instant that is later than when the credit becomes available.")
            )
        return values

    def _check_amount(self, values: dict[str, Any]) -> None:
        amount, currency = values.get("amount"), values.get("currency")
        if amount is None or currency is None:
            return
        if amount <= 0:
            self.add_error("amount", gettext("Enter an amount above zero."))
        elif amount != amount.quantize(Decimal(1).scaleb(-exponent(currency))):
            self.add_error(
                "amount",
                gettext("%(currency)s has %(decimals)s decimals: enter no more.")
                % {"currency": currency, "decimals": exponent(currency)},
            )

    def _check_availability(self, values: dict[str, Any]) -> None:
        charge, availability = values.get("charge"), values.get("availability")
        if availability == "on_date" and not values.get("effective_at"):
            self.add_error("effective_at", gettext("Say from when the credit is available."))
        if charge == "promotional" and availability == "after_payment":
            self.add_error("availability", gettext("Nobody pays for promotional credit: choose another availability."))
        if charge == "invoiced" and availability == "now":
            self.add_error(
                "availability", gettext("Invoiced credit is available once it is paid: choose «After payment».")
            )

    def values(self) -> dict[str, Any]:
        """What was filled in, to be kept and shown again."""
        data = cast("QueryDict", self.data)
        return {name: data.getlist(name) if name == "features" else data.get(name, "") for name in self.fields}

    def draft(self, *, key: str, customer: Customer) -> GrantDraft:
        """The grant these answers ask for; the form is valid."""
        values = self.cleaned_data
        on_date = values["availability"] == "on_date"
        cost = values["unit_cost"]
        return GrantDraft(
            key=key,
            customer_id=customer.pk,
            currency=values["currency"],
            amount=quantize(values["amount"], values["currency"]),
            funding=values["charge"],
            name=values["name"],
            reason=values["reason"],
            unit_cost=Decimal(1) if cost is None else cost,
            priority=values["priority"],
            effective_at=values["effective_at"] if on_date else None,
            expires_at=values["expires_at"],
            features=tuple(values["features"]),
        )

    @property
    def is_paid_already(self) -> bool:
        """Paid outside, and available without waiting for a payment to be recorded."""
        values = self.cleaned_data
        return bool(values["charge"] == "external" and values["availability"] != "after_payment")


class ReasonForm(forms.Form):
    """Why; money actions ask for it."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, help_text=gettext_lazy("Kept in the audit trail")
    )


class AdjustForm(ReasonForm):
    """A signed change of the balance."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=60)
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"), max_digits=16, help_text=gettext_lazy("Below zero takes credit away: −25.00")
    )
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, min_length=3)
    field_order = ("amount", "currency", "reason", "key")

    clean_currency = GrantForm.clean_currency

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        amount, currency = values.get("amount"), values.get("currency")
        if amount is not None and currency:
            if not amount:
                self.add_error("amount", gettext("Enter an amount above or below zero."))
            elif amount != amount.quantize(Decimal(1).scaleb(-exponent(currency))):
                self.add_error(
                    "amount",
                    gettext("%(currency)s has %(decimals)s decimals: enter no more.")
                    % {"currency": currency, "decimals": exponent(currency)},
                )
        return values

    @property
    def minor(self) -> int:
        return quantize(self.cleaned_data["amount"], self.cleaned_data["currency"])


class PaymentForm(forms.Form):
    """A payment that was made outside."""

    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=100,
        help_text=gettext_lazy("Bank reference or the like; kept in the audit trail"),
    )
