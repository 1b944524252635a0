"""Forms of the roof: allauth's, in the words of the house."""

from typing import Any, Final

from allauth.account import forms as allauth
from allauth.mfa.base import forms as mfa
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.access import with_next
from accounts.models import User

LABELS: Final[dict[str, Any]] = {
    "login": _("E-mail"),
    "email": _("E-mail"),
    "password": _("Password"),
    "oldpassword": _("Current password"),
    "password2": _("New password again"),
    "remember": _("Stay logged in on this device"),
    "code": _("Code"),
}
# Allauth's own words, here so that they are read in our German, which says «Sie».
SAME_TWICE: Final = _("You must type the same password each time.")
RULES: Final = _("At least 8 characters, not a common password and not your e-mail address.")


class HouseForm(forms.BaseForm):
    """The same words as on every other form; a label says what a field is, so that it needs no placeholder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label or "")
            field.widget.attrs.pop("placeholder", None)
        if "password1" in self.fields:
            new = _("New password") if "password2" in self.fields else _("Password")
            self.fields["password1"].label, self.fields["password1"].help_text = new, RULES


class SignupForm(HouseForm, allauth.SignupForm):  # type: ignore[misc] # allauth has no types
    """Company, e-mail, password. The account and its customer begin together or not at all."""

    company_name = forms.CharField(
        label=_("Company name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )

    field_order = ("company_name", "email", "password1")

    def save(self, request: HttpRequest) -> User:
        """The person with their customer, on the default plan (see AccountAdapter.save_user)."""
        with transaction.atomic():
            user: User = super().save(request)
            return user


class LoginForm(HouseForm, allauth.LoginForm):  # type: ignore[misc] # allauth has no types
    """An e-mail address is what people are known by here: password managers look for `username`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        page = self.request.POST.get("next") or self.request.GET.get("next")
        forgot = with_next(reverse("account_reset_password"), page)
        self.fields["password"].help_text = format_html('<a href="{}">{}</a>', forgot, _("Forgot your password?"))


class AddEmailForm(HouseForm, allauth.AddEmailForm):  # type: ignore[misc] # allauth has no types
    """Another address of the same person."""


class ChangePasswordForm(HouseForm, allauth.ChangePasswordForm):  # type: ignore[misc] # allauth has no types
    """The old one, and the new one twice."""


class SetPasswordForm(HouseForm, allauth.SetPasswordForm):  # type: ignore[misc] # allauth has no types
    """The first one, twice, of somebody who was invited."""


class ResetPasswordForm(HouseForm, allauth.ResetPasswordForm):  # type: ignore[misc] # allauth has no types
    """Where the link is sent."""


class ResetPasswordKeyForm(HouseForm, allauth.ResetPasswordKeyForm):  # type: ignore[misc] # allauth has no types
    """The new password twice."""


class ReauthenticateForm(HouseForm, allauth.ReauthenticateForm):  # type: ignore[misc] # allauth has no types
    """The password once more."""


class CodeForm(HouseForm, mfa.AuthenticateForm):  # type: ignore[misc] # allauth has no types
    """The second step."""


class CodeAgainForm(HouseForm, mfa.ReauthenticateForm):  # type: ignore[misc] # allauth has no types
    """The second step once more."""
