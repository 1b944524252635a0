"""What people ask the history and the ledger. Bad input is refused here by field and rule."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from credits.models import TransactionKind

KINDS = [
    ("", gettext_lazy("All types")),
    *[choice for choice in TransactionKind.choices if choice[0] != TransactionKind.RECOGNIZED],
]


class HistoryFilter(forms.Form):
    """Which movements are shown. What matches keeps the balance it had among all of them."""

    type = forms.ChoiceField(label=gettext_lazy("Type"), choices=KINDS, required=False)
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), required=False)
    feature = forms.ChoiceField(label=gettext_lazy("Feature"), required=False)
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, currencies: list[str], features: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].choices = [("", gettext("All")), *[(code, code) for code in currencies]]  # type: ignore[attr-defined]
        self.fields["feature"].choices = [("", gettext("All")), *features]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", gettext("Choose a last day that is not before the first one."))
        return cleaned

    def criteria(self) -> dict[str, Any]:
        """As `selectors.movements` takes them: both days are in, as UTC days."""
        values = self.cleaned_data
        since, until = values["since"], values["until"]
        return {
            "kind": values["type"],
            "currency": values["currency"],
            "feature_key": values["feature"],
            "since": datetime.combine(since, time.min, UTC) if since else None,
            "until": datetime.combine(until, time.min, UTC) + timedelta(days=1) if until else None,
        }


class HeadForm(forms.Form):
    """A printed sequence and hash, to be compared with the ledger."""

    sequence = forms.IntegerField(
        label=gettext_lazy("Ledger number"), min_value=1, help_text=gettext_lazy("As printed: Credit ledger #123")
    )
    hash = forms.RegexField(
        r"^\s*[0-9a-fA-F]{64}\s*$",
        label=gettext_lazy("Hash"),
        help_text=gettext_lazy("64 characters, as printed below the number"),
        error_messages={"invalid": gettext_lazy("Enter all 64 characters of the hash: digits and the letters a to f.")},
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}),
    )

    def clean_hash(self) -> str:
        return str(self.cleaned_data["hash"]).strip().lower()
