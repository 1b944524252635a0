"""What a customer fills in to ask about a charge."""

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class QuestionForm(forms.Form):
    """`key` is made with the page; which charge it is about, its address says."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    message = forms.CharField(
        label=_("What would you like to know?"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 6})
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"key": secrets.token_hex(16)})
