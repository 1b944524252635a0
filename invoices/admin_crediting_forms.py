"""What staff fill in to give money back: a credit note, a refund, what is kept paid out."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext, gettext_lazy

from core import formats
from core.money import exponent, quantize, to_major
from invoices.creditable import Creditable
from invoices.giving_back import Left, Wanted
from invoices.models import Payment
from invoices.models_payments import OutsideMethod
from invoices.refunding import Outside, refund_of

WHAT = [
    ("whole", gettext_lazy("Everything that is left")),
    ("lines", gettext_lazy("Chosen lines")),
    ("amount", gettext_lazy("An amount")),
]
GOES_TO = [
    ("order", gettext_lazy("Open invoices, then back to the card that paid; the rest is kept")),
    ("kept", gettext_lazy("Keep it for the next invoice: open invoices, but no card")),
]
OUTSIDE = "outside"


class MoneyField(forms.DecimalField):
    """An amount above zero in the currency's own units; its value is in minor units."""

    def __init__(self, *, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(
            min_value=Decimal(1).scaleb(-exponent(currency)),
            max_digits=16,
            decimal_places=exponent(currency),
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            **kwargs,
        )

    def clean(self, value: Any) -> int | None:
        found = super().clean(value)
        return None if found is None else quantize(found, self.currency)


class GivingBackForm(forms.Form):
    """Why. `key` is made when the page is shown, so that a form sent twice gives back once; `seen` are the figures of
    the preview: another note is not issued."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=300, help_text=gettext_lazy("For the audit trail; the customer does not see it.")
    )

    def __init__(self, data: Mapping[str, Any] | None, **initial: Any) -> None:
        super().__init__(data, initial={"key": secrets.token_hex(16), **initial})

    @property
    def wanted(self) -> Wanted:
        """What the form asks to be given back; the form is valid."""
        raise NotImplementedError


class CreditForm(GivingBackForm):
    """A credit note: what is given back, and where the money goes."""

    what = forms.ChoiceField(label=gettext_lazy("Give back"), choices=WHAT, widget=forms.RadioSelect)
    goes_to = forms.ChoiceField(label=gettext_lazy("Where the money goes"), choices=GOES_TO, widget=forms.RadioSelect)
    memo = forms.CharField(
        label=gettext_lazy("Reason on the credit note"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("Printed as you write it: in the customer’s language."),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, found: Creditable) -> None:
        super().__init__(data, what="whole", goes_to="order")
        self.currency = found.invoice.currency
        self.choosable = {f"line_{number}": each for number, each in enumerate(found.lines, 1) if each.left > 0}
        self.fields["amount"] = MoneyField(
            currency=self.currency,
            label=gettext("Amount"),
            required=False,
            help_text=gettext(
                "Tax included, at most %(amount)s. It is split over the lines in proportion to what is left of each."
            )
            % {"amount": formats.money(max(found.money, 0), self.currency)},
        )
        for name, each in self.choosable.items():
            self.fields[name] = MoneyField(
                currency=self.currency, label=gettext("Of %(title)s") % {"title": each.line.title}, required=False
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("what") == "amount" and not values.get("amount") and "amount" not in self.errors:
            self.add_error("amount", gettext("Say how much is given back."))
        if values.get("what") == "lines" and not self._parts() and not self.errors:
            self.add_error("what", gettext("Say for one line at least how much of it is given back."))
        return values

    @property
    def wanted(self) -> Wanted:
        values = self.cleaned_data
        return Wanted(
            lines=self._parts() if values["what"] == "lines" else None,
            amount=values["amount"] if values["what"] == "amount" else None,
            goes_to=values["goes_to"],
        )

    def _parts(self) -> dict[str, int]:
        given = {each.line.key: self.cleaned_data.get(name) for name, each in self.choosable.items()}
        return {key: amount for key, amount in given.items() if amount}

    def line_fields(self) -> list[tuple[Left, BoundField]]:
        """The lines of which something is left, each with its field."""
        return [(each, self[name]) for name, each in self.choosable.items()]

    def blame(self) -> None:
        """Say at each field that it asks for more than is left."""
        for name, each in self.choosable.items():
            if (self.cleaned_data.get(name) or 0) > each.left:
                self.add_error(
                    name,
                    gettext("At most %(amount)s is left of this line.")
                    % {"amount": formats.money(each.left, self.currency)},
                )


class RefundForm(GivingBackForm):
    """How much of a payment goes back to its card."""

    def __init__(self, data: Mapping[str, Any] | None, *, payment: Payment, most: int) -> None:
        super().__init__(data, amount=to_major(most, payment.currency) if most else None)
        self.payment = payment
        text = gettext("Tax included, at most %(amount)s.") % {"amount": formats.money(most, payment.currency)}
        self.fields["amount"] = MoneyField(currency=payment.currency, label=gettext("Amount"), help_text=text)
        self.order_fields(["amount", "reason"])

    @property
    def wanted(self) -> Wanted:
        return refund_of(self.payment, self.cleaned_data["amount"])


class PayOutForm(GivingBackForm):
    """What is kept on a credit note goes to a card that paid, or was transferred by staff."""

    to = forms.ChoiceField(label=gettext_lazy("Pay out"), widget=forms.RadioSelect)
    method = forms.ChoiceField(label=gettext_lazy("How it was paid"), choices=OutsideMethod, required=False)
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("The bank’s or your own"),
    )
    paid_on = forms.DateField(label=gettext_lazy("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        payments: Sequence[tuple[Payment, int]],
        currency: str,
        left: int,
        today: date,
    ) -> None:
        first = str(payments[0][0].pk) if payments else OUTSIDE
        super().__init__(data, to=first, amount=to_major(left, currency), paid_on=today)
        self.today = today
        text = gettext("At most %(amount)s is left.") % {"amount": formats.money(left, currency)}
        self.fields["amount"] = MoneyField(currency=currency, label=gettext("Amount"), help_text=text)
        cards = [(str(payment.pk), _card_text(payment, most)) for payment, most in payments]
        cast("forms.ChoiceField", self.fields["to"]).choices = [
            *cards,
            (OUTSIDE, gettext("Outside: it was transferred already")),
        ]
        self.order_fields(["amount", "to", "method", "reference", "paid_on", "reason"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("to") == OUTSIDE:
            for name, text in (
                ("reference", gettext("Give the reference.")),
                ("paid_on", gettext("Say on which day.")),
                ("method", gettext("How?")),
            ):
                if not values.get(name) and name not in self.errors:
                    self.add_error(name, text)
            if values.get("paid_on") and values["paid_on"] > self.today:
                self.add_error("paid_on", gettext("Only what was transferred already is recorded."))
        return values

    @property
    def destination(self) -> int | Outside:
        """The payment's id, or what staff did; the form is valid."""
        values = self.cleaned_data
        if values["to"] != OUTSIDE:
            return int(values["to"])
        return Outside(OutsideMethod(values["method"]), values["reference"], values["paid_on"])


def _card_text(payment: Payment, most: int) -> str:
    """`Visa ending 4242, payment RCP-2026-000001 (up to $49.00)`."""
    return gettext("%(payment_method)s, %(receipt_number)s (up to %(amount)s)") % {
        "payment_method": payment.payment_method,
        "receipt_number": payment.receipt_number,
        "amount": formats.money(most, payment.currency),
    }
