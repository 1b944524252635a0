"""What people fill in. Bad input is refused here by field and rule."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import PaymentMethod
from plans.models import LeavingReason, SalesInquiry


class CardChoiceForm(forms.Form):
    """Which of several saved cards is charged; `cards` are the customer's, one of them the default."""

    payment_method = forms.ChoiceField(
        label=_("Charged to"), widget=forms.RadioSelect, help_text=_("The card you choose becomes your default.")
    )

    def __init__(self, cards: Sequence[PaymentMethod], on: date, data: Mapping[str, Any] | None = None) -> None:
        default = next((card.key for card in cards if card.is_default), "")
        super().__init__(data, initial={"payment_method": default})
        self.cards = {card.key: card for card in cards}
        cast("forms.ChoiceField", self.fields["payment_method"]).choices = [
            (card.key, _expires(card, on)) for card in cards
        ]

    @property
    def chosen(self) -> PaymentMethod:
        """Of a form that is valid."""
        return self.cards[self.cleaned_data["payment_method"]]


def _expires(card: PaymentMethod, on: date) -> str:
    values = {"card": card, "month": f"{card.exp_month:02d}", "year": card.exp_year}
    if card.has_expired(on):
        return gettext("%(card)s, expired %(month)s/%(year)s") % values
    return gettext("%(card)s, expires %(month)s/%(year)s") % values


FIELDS = ("name", "email", "company", "message", "volume")
AUTOCOMPLETE = {"name": "name", "email": "email", "company": "organization"}


class ContactSalesForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Checks only: `contact_sales` stores `cleaned_data`."""

    website = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"tabindex": "-1", "autocomplete": "off"}),
    )

    class Meta:
        model = SalesInquiry
        fields = FIELDS
        labels = {
            "name": _("Name"),
            "email": _("Work e-mail"),
            "company": _("Company"),
            "message": _("What do you need?"),
            "volume": _("Expected monthly volume"),
        }
        help_texts = {"volume": _("For example 50 million requests.")}
        widgets = {"message": forms.Textarea(attrs={"rows": 6, "maxlength": 5000})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["website"].widget.attrs.update({"tabindex": "-1", "autocomplete": "off"})
        for name, hint in AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = hint
        self.fields["message"].validators.append(_at_most_5000)

    @property
    def is_spam(self) -> bool:
        """People do not see the field that only programs fill in."""
        return bool(self.data.get("website"))

    def inquiry_values(self) -> dict[str, str]:
        """What `contact_sales` takes."""
        return {name: self.cleaned_data[name] for name in FIELDS}

    def _post_clean(self) -> None:
        """A model form would write into its instance here; the verb does that."""


def _at_most_5000(message: str) -> None:
    if len(message) > 5_000:
        raise ValidationError(gettext("At most 5,000 characters."))


class LeavingForm(forms.Form):
    """Why somebody has cancelled. All of it may stay empty by not sending it."""

    reason = forms.ChoiceField(
        label=_("The main reason"), choices=LeavingReason.choices, widget=forms.RadioSelect, required=False
    )
    words = forms.CharField(
        label=_("In your own words"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}), required=False
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not any(values.values()):
            self.add_error("reason", gettext("Choose a reason, or write a few words."))
        return values
