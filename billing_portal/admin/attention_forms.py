"""What staff fill in about a payment that needs attention."""

from django import forms
from django.utils.translation import gettext_lazy


class AskForm(forms.Form):
    """«Ask the gateway now», and why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, help_text=gettext_lazy("For the audit trail.")
    )


class AgainForm(AskForm):
    """«Send back again», and why."""


class RetryForm(forms.Form):
    """«Try the card again»: which attempt it is, what was shown as due (minor units), and why."""

    prefix = "retry"

    attempt = forms.IntegerField(min_value=1, max_value=30_000, widget=forms.HiddenInput)
    seen = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, help_text=gettext_lazy("For the audit trail.")
    )
