"""What staff fill in to have something run. Each form has a key, so that sending it twice asks once."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from core.ids import public_id


class CheckForm(forms.Form):
    """«Check now»: nothing but its key."""

    key = forms.RegexField(r"^run_[a-z0-9]{20}$", widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"key": public_id("run")})


class RunAgainForm(CheckForm):
    """«Run again for this customer», and why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("What was wrong and is put right. For the audit trail; the customer does not see it."),
    )
