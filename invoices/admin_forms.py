"""What staff fill in about one document. Bad input is refused here by field and rule; the verbs check again."""

import secrets
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from core import formats
from core.money import exponent, quantize, to_major
from invoices.models import Invoice, OutsideMethod


def figures(invoice: Invoice) -> str:
    """What the page of an action shows and its form carries: where they differ, something moved in between."""
    return f"{invoice.status}:{invoice.total}:{invoice.amount_due}"


class MoneyField(forms.DecimalField):
    """An amount in major units of a currency that is known."""

    def __init__(self, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(max_digits=16, **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and value != value.quantize(Decimal(1).scaleb(-exponent(self.currency))):
            raise ValidationError(
                gettext("%(currency)s has %(decimals)s decimals: enter no more.")
                % {"currency": self.currency, "decimals": exponent(self.currency)}
            )


class ActionForm(forms.Form):
    """What every action on a document asks: why. `seen` is what was shown, `key` makes it happen once."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, help_text=gettext_lazy("Internal: kept in the audit trail")
    )
    seen = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)
    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, data: Any, *, invoice: Invoice, today: date) -> None:
        initial = {"seen": figures(invoice), "key": secrets.token_hex(16), **self.first_values(invoice, today)}
        super().__init__(data, initial=initial)
        self.invoice, self.today = invoice, today
        self.prepare()

    def first_values(self, invoice: Invoice, today: date) -> dict[str, Any]:
        """What the fields say at first."""
        return {}

    def prepare(self) -> None:
        """Fields that depend on the document."""

    @property
    def is_stale(self) -> bool:
        """Whether the document is not what was shown any more."""
        return bool(self.cleaned_data["seen"] != figures(self.invoice))


class OutsidePaymentForm(ActionForm):
    """«Mark paid outside»."""

    received_on = forms.DateField(label=gettext_lazy("Day received"), widget=forms.DateInput(attrs={"type": "date"}))
    method = forms.ChoiceField(
        label=gettext_lazy("Method"),
        choices=[(value, capfirst(label)) for value, label in OutsideMethod.choices],
        widget=forms.RadioSelect,
        initial=OutsideMethod.BANK_TRANSFER,
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=100,
        help_text=gettext_lazy("As on the bank statement, or the number of the cheque; the customer sees it"),
    )

    def first_values(self, invoice: Invoice, today: date) -> dict[str, Any]:
        return {"amount": to_major(invoice.amount_due, invoice.currency), "received_on": today}

    def prepare(self) -> None:
        due = formats.money(self.invoice.amount_due, self.invoice.currency)
        hint = gettext("In %(currency)s. %(due)s is due; less is a part payment") % {
            "currency": self.invoice.currency,
            "due": due,
        }
        self.fields["amount"] = MoneyField(self.invoice.currency, help_text=hint)
        self.order_fields(["amount", "received_on", "method", "reference", "reason"])

    @property
    def minor(self) -> int:
        return quantize(self.cleaned_data["amount"], self.invoice.currency)


class SendForm(forms.Form):
    """«Send again»: which message, and one more address."""

    what = forms.ChoiceField(label=gettext_lazy("Message"), widget=forms.RadioSelect)
    also = forms.EmailField(
        label=gettext_lazy("Also to"), required=False, help_text=gettext_lazy("One more address, for this message only")
    )

    def __init__(self, data: Any, *, choices: list[tuple[str, str]]) -> None:
        super().__init__(data, initial={"what": choices[0][0] if choices else ""})
        self.fields["what"].choices = choices  # type: ignore[attr-defined]
