"""Reads of this room. Functions that take ids take any number of them with the same number of queries."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import DateTimeField, FilteredRelation, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import (
    ApiToken,
    BillingProfile,
    Customer,
    Membership,
    MutedMail,
    PaymentMethod,
    Role,
    User,
)
from core.any_of import any_of
from core.questions import Given

PARTY_FIELDS = (
    "legal_name",
    "line1",
    "line2",
    "postal_code",
    "city",
    "region",
    "country",
    "tax_id",
    "po_number",
    "buyer_reference",
)


def present_in_sql(at: datetime | Given) -> Coalesce:
    """`Customer.present` for rows of customers: the customer's own clock where one is set, else `at`."""
    now = at if isinstance(at, Given) else Value(at, output_field=DateTimeField())
    return Coalesce("customer__clock_at", now)


def due_rows(rows: "QuerySet[Any]", at: datetime | Given, condition: Q) -> "QuerySet[Any, Any]":
    """(id, customer, present) of those of these rows that meet the condition at their customer's `present`, in that
    order; parked customers wait."""
    found = rows.filter(customer__parked_at__isnull=True).annotate(present=present_in_sql(at)).filter(condition)
    columns: QuerySet[Any, Any] = found.order_by("present", "pk").values_list("pk", "customer_id", "present")
    return columns


def default_payment_methods(customer_ids: Collection[int]) -> dict[int, PaymentMethod]:
    """The default card per customer; customers without one are absent."""
    rows = PaymentMethod.objects.live().filter(any_of("customer_id", customer_ids), is_default=True)
    return {method.customer_id: method for method in rows}


def payment_methods(customer: Customer) -> list[PaymentMethod]:
    """The customer's live cards, the default first, then the newest."""
    return list(PaymentMethod.objects.live().filter(customer=customer).order_by("-is_default", "-created_at", "-pk"))


def person(user_id: int) -> User | None:
    """Somebody with all they belong to, so that `memberships` asks nothing. One query."""
    rows = User.objects.annotate(joined=FilteredRelation("memberships")).filter(pk=user_id).order_by("joined__pk")
    # A row for each membership, or one without any.
    found = list(rows.select_related("joined__customer"))  # type: ignore[misc] # django-stubs knows no such relation
    if not found:
        return None
    found[0].known_memberships = [row.joined for row in found if hasattr(row, "joined")]
    return found[0]


def memberships(user: User) -> list[Membership]:
    """The customers a person belongs to, in the order they joined. One query, none where they were read with them."""
    if user.known_memberships is not None:
        return user.known_memberships
    return list(Membership.objects.filter(user=user).select_related("customer").order_by("pk"))


def members(customer: Customer) -> list[Membership]:
    """Everybody who belongs to a customer, billing admins first."""
    rows = Membership.objects.filter(customer=customer).select_related("user").order_by("user__email")
    return sorted(rows, key=lambda membership: membership.role != Role.BILLING_ADMIN)


def billing_admins(customer: Customer) -> list[User]:
    """Who can do everything for this customer, by e-mail address."""
    rows = Membership.objects.filter(customer=customer, role=Role.BILLING_ADMIN).select_related("user")
    return [membership.user for membership in rows.order_by("user__email")]


def _admins_of(customer: str) -> ArraySubquery:
    """The addresses of the billing admins, as a column of a row that names its customer so."""
    admins = Membership.objects.filter(customer=OuterRef(customer), role=Role.BILLING_ADMIN, user__is_active=True)
    return ArraySubquery(admins.order_by("user__email").values("user__email"))


def _readers(customer_ids: Collection[int]) -> Iterator[tuple[int, list[str], list[str]]]:
    """(customer, the recipients that its profile names, its billing admins). One query."""
    rows = BillingProfile.objects.filter(any_of("customer_id", customer_ids)).annotate(admins=_admins_of("customer_id"))
    yield from rows.values_list("customer_id", "recipients", "admins")


def recipients(customer_ids: Collection[int]) -> dict[int, list[str]]:
    """Who gets a customer's documents: the profile's recipients, else the billing admins. One query."""
    found = {customer_id: list(named or admins) for customer_id, named, admins in _readers(customer_ids)}
    return {customer_id: found.get(customer_id, []) for customer_id in customer_ids}


def recipients_and_admins(customer_ids: Collection[int]) -> dict[int, list[str]]:
    """The same and every billing admin: for what somebody with a log-in must do. One query."""
    found = {customer_id: [*named, *admins] for customer_id, named, admins in _readers(customer_ids)}
    return {customer_id: list(dict.fromkeys(found.get(customer_id, []))) for customer_id in customer_ids}


def muted_mail(customer_id: int) -> frozenset[str]:
    """The kinds of optional mail that a customer has switched off."""
    return frozenset(MutedMail.objects.filter(customer_id=customer_id).values_list("kind", flat=True))


class MailSettings(NamedTuple):
    """Who gets a customer's documents, as `recipients` says, which kinds of mail do not go out, as `muted_mail` says,
    the language of both, and as which files documents go with mail."""

    to: list[str]
    muted: frozenset[str]
    language: str
    attach_pdf: bool
    attach_xml: bool


def mail_settings(customer_id: int) -> MailSettings:
    """One query."""
    muted = MutedMail.objects.filter(customer=OuterRef("pk")).values("kind")
    named, language, pdf, xml, emails, kinds = (
        Customer.objects.filter(pk=customer_id)
        .values_list(
            "billing_profile__recipients",
            "billing_profile__language",
            "billing_profile__attach_pdf",
            "billing_profile__attach_xml",
            _admins_of("pk"),
            ArraySubquery(muted),
        )
        .get()
    )
    return MailSettings(named or emails, frozenset(kinds), language, pdf, xml)


def security_recipients(customer_id: int) -> list[str]:
    """Who must hear of a change to cards or details: recipients and every billing admin."""
    return sorted(recipients_and_admins([customer_id])[customer_id])


def parties(customer_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """The customers as parties on a document: a JSON snapshot of name and billing profile, with the `language` that
    the document is written in. One query."""
    fields = (*PARTY_FIELDS, "language")
    rows = BillingProfile.objects.filter(any_of("customer_id", customer_ids)).values(
        "customer_id", "customer__name", *fields
    )
    return {
        row["customer_id"]: {"name": row["customer__name"], **{field: row[field] for field in fields}} for row in rows
    }


def party_of(profile: BillingProfile) -> dict[str, Any]:
    """The same of a profile that is known, with its customer."""
    return {"name": profile.customer.name, **{field: getattr(profile, field) for field in PARTY_FIELDS}}


def countries(customer_ids: Collection[int]) -> dict[int, str]:
    """ISO country code per customer, `""` where none was given."""
    rows = BillingProfile.objects.filter(any_of("customer_id", customer_ids))
    return dict(rows.values_list("customer_id", "country"))


def tax_places(customer_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """(ISO country, tax id) per customer, each `""` where none was given."""
    rows = BillingProfile.objects.filter(any_of("customer_id", customer_ids))
    return {
        customer_id: (country, tax_id)
        for customer_id, country, tax_id in rows.values_list("customer_id", "country", "tax_id")
    }


def billing_profile(customer: Customer) -> BillingProfile:
    """The customer's billing profile."""
    return BillingProfile.objects.select_related("customer").get(customer=customer)


def profile_and_recipients(customer: Customer) -> tuple[BillingProfile, list[str]]:
    """The same, and who gets the documents, as `recipients` says. One query."""
    rows = BillingProfile.objects.select_related("customer").annotate(admins=_admins_of("customer_id"))
    profile = rows.get(customer=customer)
    return profile, profile.recipients or profile.admins


def api_tokens(customer: Customer) -> list[ApiToken]:
    """The customer's tokens, those in use first, then the newest."""
    rows = ApiToken.objects.filter(customer=customer).select_related("created_by").order_by("-created_at", "-pk")
    return sorted(rows, key=lambda token: token.revoked_at is not None)


def token_digest(raw: str) -> str:
    """What is kept of a token: SHA-256. Enough, because tokens are 256 random bits, not words."""
    return hashlib.sha256(raw.encode()).hexdigest()


def authenticate_token(raw: str) -> ApiToken | None:
    """The token in use whose secret this is, with its customer; None for unknown or revoked ones."""
    rows = ApiToken.objects.select_related("customer").filter(digest=token_digest(raw), revoked_at__isnull=True)
    return rows.first()
