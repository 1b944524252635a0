"""Where allauth meets the house: signing up opens a customer on the default plan."""

from typing import Any, ClassVar, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from accounts.access import with_next
from accounts.emails import account_changed
from accounts.models import User
from accounts.recent import is_recent
from accounts.services.open_customer import open_customer
from accounts.services.queue_notices import queue_notices
from billing_portal.entering import last_person
from billing_portal.forms import SignupForm
from core import clock
from core.language import language
from core.nudge import nudge
from plans.services.open_default_subscription import open_default_subscription

NEW_LOGIN: Final = "account/email/new_login"
KINDS: Final = {
    NEW_LOGIN: "log-in",
    "account/email/password_changed": "password",
    "account/email/password_reset": "password",
    "account/email/password_set": "password",
    "account/email/email_changed": "addresses",
    "account/email/email_confirm": "addresses",
    "account/email/email_deleted": "addresses",
    "mfa/email/totp_activated": "second factor on",
    "mfa/email/totp_deactivated": "second factor off",
    "mfa/email/recovery_codes_generated": "recovery codes",
}
LONGEST: Final = 160  # characters of what a browser says of itself


def shortened(browser: str) -> str:
    return browser if len(browser) <= LONGEST else browser[:LONGEST] + "…"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Opens the customer of a new account, and speaks as the rest of the portal does."""

    error_messages: ClassVar = DefaultAccountAdapter.error_messages | {
        "cannot_remove_primary_email": _("The primary address can’t be removed."),
        "duplicate_email": _("You have this address already."),
        "email_password_mismatch": _("E-mail address or password is wrong."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_code": _("This code is wrong or too old."),
        "incorrect_password": _("This password is wrong."),
        "max_email_addresses": _("There can be no more than %d addresses."),
        "rate_limited": _("Too many attempts. Wait a few minutes and try again."),
        "same_as_current": _("This is the same as before."),
        "select_only_one": _("Choose one only."),
        "too_many_login_attempts": _("Too many attempts. Wait a few minutes and try again."),
        "unverified_primary_email": _("Confirm the address first."),
    }

    def save_user(self, request: HttpRequest, user: User, form: SignupForm, commit: bool = True) -> User:
        """The new person, billing admin of a new customer."""
        at = clock.now()
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            name, details = form.cleaned_data["company_name"], {"language": language()}  # of the page they sign up on
            customer = open_customer(name=name, user=saved, at=at, actor=saved, details=details)
            open_default_subscription(customer_id=customer.pk, at=at, actor=saved)
        return saved

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: object) -> str:
        """With the page that they wanted to go to: the link may be opened in another browser."""
        url = str(super().get_email_confirmation_url(request, emailconfirmation))
        return with_next(url, request.POST.get(REDIRECT_FIELD_NAME))

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Through a new password, too, they get where they wanted to go."""
        return with_next(str(super().get_reset_password_from_key_url(key)), self.request.POST.get("then"))

    def format_email_subject(self, subject: str) -> str:
        """Without a prefix: the product's name stands in the sender and in the text."""
        return subject

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """In the frame of every message, and answered where every message is."""
        subject = " ".join(render_to_string(f"{template_prefix}_subject.txt", context).split())
        frame = {"subject": subject, "reply_to": settings.BILLING_EMAIL, "template": "account"}
        message: EmailMessage = super().render_mail(template_prefix, email, {**context, **frame}, headers)
        message.reply_to = [settings.BILLING_EMAIL]
        return message

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **told: Any) -> HttpResponse:
        """Somebody who logs in with a browser that they never used hears of it, unless they have just signed up."""
        if not signup and last_person(request) != user.pk:
            self.send_notification_mail(NEW_LOGIN, user)
        answer: HttpResponse = super().post_login(request, user, signup=signup, **told)
        return answer

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Through the outbox, as every message: a mail server that is away keeps nobody from logging in."""
        drafts = [
            account_changed(
                user,
                kind=KINDS[template_prefix],
                to=email or user.email,
                at=clock.now(),
                ip=str(self.get_client_ip(self.request)),
                browser=shortened(self.get_http_user_agent(self.request)),
                language=language(),
            )
        ]
        queue_notices(drafts, at=clock.now())
        nudge("billing_portal.tasks.deliver_notices")

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """A log-in of the last minutes confirms who it is as well as the password once more: staff who have to set up
        their second factor come straight from it."""
        return not is_recent(self.request) and bool(super().is_reauthentication_required(app=app, **kwargs))
