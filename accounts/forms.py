"""What people fill in. Bad input is refused here by field and rule; the verbs check again."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.countries import asks_region, country_choices, country_names
from accounts.details import LABELS
from accounts.keeping import KeptForm
from accounts.models import BillingProfile, Role
from accounts.selectors import PARTY_FIELDS
from accounts.vat_ids import fault

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
                message = gettext("%(address)s is not an e-mail address.") % {"address": address}
                raise ValidationError(message) from error


def check_tax_id(form: forms.BaseForm, values: dict[str, Any]) -> None:
    """Of a form with `country` and `tax_id`: one that stands already, as staff may have recorded it, stops nobody who
    changes something else."""
    country, tax_id = values.get("country", ""), values.get("tax_id", "")
    wrong = fault(tax_id, country, country_names().get(country, ""))
    if wrong and not {"country", "tax_id"}.isdisjoint(form.changed_data):
        form.add_error("tax_id", wrong)


class BillingDetailsForm(KeptForm, forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """The customer as a party on documents. Checks only: `update_billing_profile` saves `cleaned_data`."""

    recipients = AddressesField(
        label=LABELS["recipients"],
        required=False,
        help_text=_("E-mail addresses, one per line. Without any, billing admins get invoices and receipts."),
    )

    class Meta:
        model = BillingProfile
        fields = (*PARTY_FIELDS, "recipients")
        labels = LABELS
        widgets = {"country": forms.Select}
        help_texts = {
            "tax_id": _("Printed on invoices; decides how tax is charged."),
            "po_number": _("Printed on invoices."),
            "buyer_reference": _("Printed on invoices: the Leitweg-ID of a public body, or who ordered."),
            "country": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # As a function: the names of two hundred countries are read when a page shows them.
        self.fields["country"] = forms.ChoiceField(label=LABELS["country"], choices=country_choices)
        for name in ("legal_name", "line1", "city"):
            self.fields[name].required = True
        for name, hint in AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = hint

    @property
    def asks_region(self) -> bool:
        """Whether the country that is chosen has regions in its addresses, or one was given all the same."""
        return bool(asks_region(self["country"].value() or "") or self["region"].value())

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        check_tax_id(self, values)
        return values

    def _post_clean(self) -> None:
        """A model form would write into its instance here; the verb does that, under the customer's lock."""


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        max_length=100, label=_("Token name"), help_text=_("What will use it, for example “Gateway, production”.")
    )


class InvitationForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.BILLING_VIEWER)


class CardSetupForm(forms.Form):
    """Asked before the card page, where the customer has a default already."""

    make_default = forms.BooleanField(label=_("Set as default"), required=False, initial=True)
