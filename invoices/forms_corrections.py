"""What a customer fills in to ask for a corrected invoice, and staff to answer."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from core import formats
from invoices.models import CorrectionStatus, Invoice


class CorrectionForm(forms.Form):
    """`key` is made with the page. The invoice `chosen` by its public id is marked in the list."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    invoice = forms.ChoiceField(label=_("Invoice"))
    wrong = forms.CharField(
        label=_("What is wrong"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("For example: our name is Wonder Holding Ltd since 1 October, and the PO number is missing."),
    )

    def __init__(self, invoices: Sequence[Invoice], data: Mapping[str, Any] | None = None, *, chosen: str = "") -> None:
        super().__init__(data, initial={"key": secrets.token_hex(16), "invoice": chosen})
        self.invoices = {invoice.public_id: invoice for invoice in invoices}
        cast("forms.ChoiceField", self.fields["invoice"]).choices = [
            ("", _("Choose an invoice")),
            *((public_id, _named(invoice)) for public_id, invoice in self.invoices.items()),
        ]

    @property
    def chosen(self) -> Invoice:
        """Of a form that is valid."""
        return self.invoices[self.cleaned_data["invoice"]]


def _named(invoice: Invoice) -> str:
    """`INV-2026-000123, 20 Nov 2026, $58.40`."""
    issued = formats.day(invoice.issued_on or invoice.billing_on)
    return f"{invoice.number}, {issued}, {formats.money(invoice.total, invoice.currency)}"


class AnswerForm(forms.Form):
    """What became of it, and what the customer reads."""

    status = forms.ChoiceField(
        label=_("Outcome"),
        choices=[
            (CorrectionStatus.CORRECTED, _("Corrected: credited and issued anew")),
            (CorrectionStatus.DECLINED, _("Not corrected")),
        ],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("Answer to the customer"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Sent by e-mail and shown in their billing portal. Name the credit note and the new invoice."),
    )
