"""What people fill in. Bad input is refused here by field and rule; the verbs check again."""

import re
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.views.decorators.debug import sensitive_variables

from accounts.countries import country_choices
from accounts.gateways.sandbox import TEST_CARDS, Behaviour
from accounts.models import BillingProfile, Role
from accounts.selectors import PARTY_FIELDS

AUTOCOMPLETE = {
    "legal_name": "organization",
    "line1": "address-line1",
    "line2": "address-line2",
    "postal_code": "postal-code",
    "city": "address-level2",
    "region": "address-level1",
    "country": "country",
}


class AddressesField(forms.CharField):
    """E-mail addresses, one per line; a list of them."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        lines = (super().to_python(value) or "").replace(",", "\n").splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        for address in value:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError(f"{address} is not an e-mail address.") from error


class BillingDetailsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The customer as a party on documents. Checks only: `update_billing_profile` saves `cleaned_data`."""

    recipients = AddressesField(
        label="Invoice recipients",
        required=False,
        help_text="E-mail addresses, one per line. Without any, billing admins get invoices and receipts.",
    )

    class Meta:
        model = BillingProfile
        fields = (*PARTY_FIELDS, "recipients")
        widgets = {"country": forms.Select}
        help_texts = {
            "tax_id": "Printed on invoices; decides how tax is charged.",
            "po_number": "Printed on invoices.",
            "country": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # As a function: the names of two hundred countries are read when a page shows them.
        self.fields["country"] = forms.ChoiceField(label="Country", choices=country_choices)
        for name in ("legal_name", "line1", "city"):
            self.fields[name].required = True
        for name, hint in AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = hint

    def _post_clean(self) -> None:
        """A model form would write into its instance here; the verb does that, under the customer's lock."""


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        max_length=100, label="Token name", help_text="What will use it, for example “Gateway, production”."
    )


class InvitationForm(forms.Form):
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.BILLING_VIEWER)


class CardSetupForm(forms.Form):
    """Asked before the card page, where the customer has a default already."""

    make_default = forms.BooleanField(label="Set as default", required=False, initial=True)


class UnechoedInput(forms.PasswordInput):
    """A text field whose value is never sent back."""

    input_type = "text"

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "off", "inputmode": "numeric", "spellcheck": "false"})


class SandboxCardForm(forms.Form):
    """The sandbox processor's card page. Takes published test cards only; a number lives as long as this check.

    Afterwards `cleaned_data` has `behaviour`, `last4` and `expires` (the first of the month), and no number.
    """

    number = forms.CharField(label="Card number", max_length=40, widget=UnechoedInput)
    expiry = forms.CharField(label="Expiry date", max_length=9, widget=UnechoedInput, help_text="MM / YY")
    cvc = forms.CharField(label="Security code (CVC)", max_length=8, widget=UnechoedInput, help_text="Any 3 digits")

    def __init__(self, *args: Any, on: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on = on

    @sensitive_variables()
    def clean_number(self) -> tuple[Behaviour, str]:
        number = re.sub(r"[\s-]", "", self.cleaned_data["number"])
        if number not in TEST_CARDS:
            raise ValidationError("Only the published test cards work here. Never enter a real card.")
        card = TEST_CARDS[number]
        if card.refused_at_entry:
            raise ValidationError("The card was declined. Use another card.")
        return card, number[-4:]

    @sensitive_variables()
    def clean_expiry(self) -> date:
        match = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*/?\s*(?:20)?(\d\d)\s*", self.cleaned_data["expiry"])
        if not match:
            raise ValidationError("Use month and year, such as 04 / 30.")
        expires = date(2000 + int(match[2]), int(match[1]), 1)
        if expires < self.on.replace(day=1):
            raise ValidationError("This card has expired. Use another card.")
        return expires

    @sensitive_variables()
    def clean_cvc(self) -> None:
        if not re.fullmatch(r"\d{3,4}", self.cleaned_data["cvc"].strip()):
            raise ValidationError("Use the 3 or 4 digits of the security code.")

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        self.cleaned_data.pop("cvc", None)
        behaviour, last4 = self.cleaned_data.pop("number", (None, ""))
        expires = self.cleaned_data.pop("expiry", None)
        return {"behaviour": behaviour, "last4": last4, "expires": expires}
