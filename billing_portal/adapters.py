"""Where allauth meets the house: signing up opens a customer on the default plan."""

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.recent import is_recent
from accounts.services.open_customer import open_customer
from billing_portal.forms import SignupForm
from core import clock
from core.language import language
from plans.services.open_default_subscription import open_default_subscription


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Opens the customer of a new account."""

    def save_user(self, request: HttpRequest, user: User, form: SignupForm, commit: bool = True) -> User:
        """The new person, billing admin of a new customer."""
        at = clock.now()
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            name, details = form.cleaned_data["company_name"], {"language": language()}  # of the page they sign up on
            customer = open_customer(name=name, user=saved, at=at, actor=saved, details=details)
            open_default_subscription(customer_id=customer.pk, at=at, actor=saved)
        return saved

    def format_email_subject(self, subject: str) -> str:
        """Without a prefix: the product's name stands in the sender and in the text."""
        return subject

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """A log-in of the last minutes confirms who it is as well as the password once more: staff who have to set up
        their second factor come straight from it."""
        return not is_recent(self.request) and bool(super().is_reauthentication_required(app=app, **kwargs))
