"""Where allauth meets the house: signing up opens a customer on the default plan."""

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.services.open_customer import open_customer
from billing_portal.forms import SignupForm
from core import clock
from plans.services.open_default_subscription import open_default_subscription


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Opens the customer of a new account."""

    def save_user(self, request: HttpRequest, user: User, form: SignupForm, commit: bool = True) -> User:
        """The new person, billing admin of a new customer."""
        at = clock.now()
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            customer = open_customer(name=form.cleaned_data["company_name"], user=saved, at=at, actor=saved)
            open_default_subscription(customer_id=customer.pk, at=at, actor=saved)
        return saved

    def format_email_subject(self, subject: str) -> str:
        """Without a prefix: the product's name stands in the sender and in the text."""
        return subject
