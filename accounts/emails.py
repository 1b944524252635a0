"""This room's messages, one function each. Every figure and name is frozen when the message is made."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_noop

from accounts import figures
from accounts.details import LABELS
from accounts.models import Customer, Language, Membership, OptionalMail, PaymentMethod, Role, User
from accounts.notices import NoticeDraft
from accounts.selectors import security_recipients
from core.language import english

ROLES: dict[str, str] = {
    Role.BILLING_ADMIN: gettext_noop("billing admin"),
    Role.BILLING_VIEWER: gettext_noop("billing viewer"),
    Role.MEMBER: gettext_noop("member"),
}

# What somebody's own account went through: kind → subject and sentence.
SECURITY: dict[str, tuple[str, str]] = {
    "log-in": (
        gettext_noop("New log-in"),
        gettext_noop("Somebody logged in as %(email)s, in a browser that hadn't been used for that before."),
    ),
    "password": (gettext_noop("Password changed"), gettext_noop("The password of %(email)s was changed.")),
    "addresses": (
        gettext_noop("E-mail addresses changed"),
        gettext_noop("The e-mail addresses of %(email)s were changed."),
    ),
    "second factor on": (
        gettext_noop("Two-factor authentication activated"),
        gettext_noop("Logging in as %(email)s asks for a code from now on."),
    ),
    "second factor off": (
        gettext_noop("Two-factor authentication deactivated"),
        gettext_noop("Logging in as %(email)s takes the password alone from now on."),
    ),
    "recovery codes": (
        gettext_noop("New recovery codes"),
        gettext_noop("New recovery codes of %(email)s were made. The old ones don't work any more."),
    ),
}


def link(name: str) -> str:
    """The absolute address of a page."""
    return settings.PORTAL_URL + reverse(name)


def _who(actor: User | None) -> figures.Figure | str:
    return actor.email if actor else figures.sentence("The portal")


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%S.%fZ")


def payment_method_changed(
    method: PaymentMethod, customer: Customer, *, change: str, at: datetime, actor: User | None
) -> NoticeDraft:
    """E14: a card was `added`, became the `default`, or was `removed`. Security mail: to recipients and admins."""
    return NoticeDraft(
        key=f"payment_method:{method.pk}:{change}:{_stamp(at)}",
        customer_id=customer.pk,
        template="accounts_payment_method",
        to=security_recipients(customer.pk),
        context={
            "customer": customer.name,
            "card": figures.card(method),
            "change": change,
            "by": _who(actor),
            "at": at.isoformat(),
            "link": link("portal"),
        },
    )


def card_expiring_key(method: PaymentMethod, days: int) -> str:
    return f"payment_method:{method.pk}:expires:{days}"


def card_expiring(method: PaymentMethod, days: int, to: list[str]) -> NoticeDraft:
    """E13: the default card is out of date in `days` days or less."""
    return NoticeDraft(
        key=card_expiring_key(method, days),
        customer_id=method.customer_id,
        template="payment_card_expiring",
        to=to,
        context={
            "customer": method.customer.name,
            "card": figures.card(method),
            "last_day": figures.day(method.expires_after()),
            "url": link("portal"),
            "alerts_url": link("billing_notifications"),
        },
        optional=OptionalMail.CARD_EXPIRING,
    )


def billing_details_changed(
    customer: Customer,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    to: list[str],
    at: datetime,
    actor: User | None,
) -> NoticeDraft:
    """E15: old and new values of the fields that changed, to the old and the new recipients."""
    return NoticeDraft(
        key=f"customer:{customer.pk}:billing_details:{_stamp(at)}",
        customer_id=customer.pk,
        template="accounts_billing_details",
        to=to,
        context={
            "customer": customer.name,
            "changes": [
                {
                    "field": figures.sentence(english(LABELS[field])),
                    "before": _plain(field, before[field]),
                    "after": _plain(field, after[field]),
                }
                for field in after
            ],
            "by": _who(actor),
            "at": at.isoformat(),
            "link": link("billing_details"),
        },
    )


def _plain(field: str, value: object) -> "str | figures.Figure":
    if isinstance(value, bool):
        return figures.sentence("yes") if value else figures.sentence("no")
    if field == "language":
        return str(Language(str(value)).label)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def invitation(
    membership: Membership, *, is_new: bool, at: datetime, actor: User | None, again: str = ""
) -> NoticeDraft:
    """Somebody was made a member; a new person sets their password through the reset page. `again` keys a repeat."""
    return NoticeDraft(
        key=f"membership:{membership.pk}:invited" + (f":{again}" if again else ""),
        customer_id=membership.customer_id,
        template="accounts_invitation",
        to=[membership.user.email],
        context={
            "customer": membership.customer.name,
            "role": figures.sentence(ROLES[membership.role]),
            "email": membership.user.email,
            "is_new": is_new,
            "by": _who(actor),
            "at": at.isoformat(),
            "link": link("account_reset_password" if is_new else "account_login"),
        },
    )


def account_changed(
    user: User, *, kind: str, to: str, at: datetime, ip: str, browser: str, language: str
) -> NoticeDraft:
    """E24: something happened to a person's own account (a key of SECURITY), to them alone, in `language`."""
    title, what = SECURITY[kind]
    return NoticeDraft(
        key=f"user:{user.pk}:{kind}:{_stamp(at)}",
        customer_id=None,
        template="accounts_security",
        to=[to],
        context={
            "title": figures.sentence(title),
            "what": figures.sentence(what, email=user.email),
            "at": at.isoformat(),
            "ip": ip,
            "browser": browser,
            "link": link("account_change_password"),
            "language": language,
        },
    )
