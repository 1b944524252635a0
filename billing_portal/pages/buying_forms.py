"""What customers fill in to buy credit. Amounts are typed in the currency's own units and become minor units."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from core import formats
from core.money import exponent, quantize
from invoices.buying import check_amount
from invoices.exceptions import SaleAmountError
from invoices.topping_up import TopUpTerms


class MoneyField(forms.DecimalField):
    """An amount of one currency, typed as 100.00; cleaned it is minor units."""

    def __init__(self, *, currency: str, **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(max_digits=16, min_value=Decimal(0), **kwargs)

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is None:
            return None
        if found != found.quantize(Decimal(1).scaleb(-exponent(self.currency))):
            message = gettext("%(currency)s has %(number)s decimals: enter no more.")
            raise ValidationError(message % {"currency": self.currency, "number": exponent(self.currency)})
        return quantize(found, self.currency)


def check_sold(amount: int, currency: str) -> None:
    """Raises ValidationError where that much is not sold at a time."""
    try:
        check_amount(amount, currency)
    except SaleAmountError as error:
        raise ValidationError(error.message) from error


class BuyForm(forms.Form):
    """How much credit."""

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        least, most = (
            formats.money(amount, currency) for amount in (settings.CREDIT_SALE_MINIMUM, settings.CREDIT_SALE_MAXIMUM)
        )
        self.fields["amount"] = MoneyField(
            currency=currency,
            label=gettext("Amount of credits"),
            help_text=gettext("In %(currency)s, from %(least)s to %(most)s")
            % {"currency": currency, "least": least, "most": most},
        )

    def clean_amount(self) -> int:
        amount = int(self.cleaned_data["amount"])
        check_sold(amount, self.currency)
        return amount


class TopUpForm(forms.Form):
    """When it buys, how much, and how much a month."""

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["threshold"] = MoneyField(
            currency=currency,
            label=gettext("When available credits fall below"),
            help_text=gettext("In %(currency)s; 0 is allowed") % {"currency": currency},
        )
        self.fields["amount"] = MoneyField(
            currency=currency, label=gettext("Buy"), help_text=gettext("Credits at a time, before tax")
        )
        self.fields["ceiling"] = MoneyField(
            currency=currency,
            label=gettext("Charge at most per month"),
            help_text=gettext("With tax, per calendar month (UTC)"),
        )

    def clean_amount(self) -> int:
        amount = int(self.cleaned_data["amount"])
        check_sold(amount, self.currency)
        return amount

    def terms(self) -> TopUpTerms:
        values = self.cleaned_data
        return TopUpTerms(self.currency, values["threshold"], values["amount"], values["ceiling"])
