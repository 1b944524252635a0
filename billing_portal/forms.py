"""Forms of the roof: signing up and logging in."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class SignupForm(AllauthSignupForm):  # type: ignore[misc] # allauth has no types
    """Company, e-mail, password. The account and its customer begin together or not at all."""

    company_name = forms.CharField(
        label=_("Company name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )

    field_order = ("company_name", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = gettext("E-mail")
        self.fields["password1"].help_text = gettext(
            "At least 8 characters, not a common password and not your e-mail address."
        )

    def save(self, request: HttpRequest) -> User:
        """The person with their customer, on the default plan (see AccountAdapter.save_user)."""
        with transaction.atomic():
            user: User = super().save(request)
            return user


class LoginForm(AllauthLoginForm):  # type: ignore[misc] # allauth has no types
    """The same words as on every other form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = gettext("E-mail")
        self.fields["remember"].label = gettext("Stay logged in on this device")
