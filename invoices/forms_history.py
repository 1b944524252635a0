"""What «Billing History» is narrowed down to: a year, a status, part of a number. The address is the state."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.db.models import Q, QuerySet
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from invoices.archive_entries import ISSUED_ON
from invoices.models import Invoice, InvoiceKind, InvoiceStatus

NUMBER_LENGTH = 40

# In the words of the badges; credit notes are a status of their own, whatever became of their amount.
STATUSES: Mapping[str, tuple[Any, Q]] = {
    "open": (_("To pay"), Q(kind=InvoiceKind.INVOICE, status=InvoiceStatus.OPEN)),
    "paid": (_("Paid"), Q(kind=InvoiceKind.INVOICE, status=InvoiceStatus.PAID)),
    "uncollectible": (_("Uncollectible"), Q(kind=InvoiceKind.INVOICE, status=InvoiceStatus.UNCOLLECTIBLE)),
    "void": (pgettext_lazy("invoice", "Void"), Q(status=InvoiceStatus.VOID)),
    "credit-note": (_("Credit note"), Q(kind=InvoiceKind.CREDIT_NOTE) & ~Q(status=InvoiceStatus.VOID)),
}


class HistoryFilter(forms.Form):
    """`years`: in which there are documents, by the day of issue, as in the ZIP of a year."""

    year = forms.ChoiceField(label=_("Year"), required=False)
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("All")), *((key, label) for key, (label, _which) in STATUSES.items())],
    )
    number = forms.CharField(
        label=_("Number"),
        required=False,
        max_length=NUMBER_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, data: Mapping[str, Any], *, years: Sequence[int]) -> None:
        super().__init__(data, auto_id="history_%s")
        cast("forms.ChoiceField", self.fields["year"]).choices = [("", _("All")), *((str(y), str(y)) for y in years)]

    def narrow(self, documents: QuerySet[Invoice]) -> QuerySet[Invoice]:
        """Those that match; none where a filter is wrong."""
        if not self.is_valid():
            return documents.none()
        values = self.cleaned_data
        if values["year"]:
            documents = documents.annotate(on=ISSUED_ON).filter(on__year=int(values["year"]))
        if values["status"]:
            documents = documents.filter(STATUSES[values["status"]][1])
        return documents.filter(number__icontains=values["number"]) if values["number"] else documents

    @property
    def query(self) -> str:
        """What was chosen, for addresses; empty where nothing was."""
        return urlencode({name: str(self.data[name]) for name in self.fields if self.data.get(name)})
