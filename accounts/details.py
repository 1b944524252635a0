"""What billing details, and a sales contact, must keep to, whoever writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext, gettext_lazy

from accounts.countries import country_names
from accounts.exceptions import InvalidBillingDetailsError, SalesContactInvalidError
from accounts.models import BillingProfile, Customer, Language
from accounts.selectors import PARTY_FIELDS, MailSettings

# What goes with e-mails that bring a document, by the name of its field.
ATTACHABLE = {"attach_pdf": gettext_lazy("PDF"), "attach_xml": gettext_lazy("E-invoice (XML)")}
FIELDS = (*PARTY_FIELDS, "recipients", "language", *ATTACHABLE)
LABELS = {
    "legal_name": gettext_lazy("Legal or company name"),
    "line1": gettext_lazy("Address line 1"),
    "line2": gettext_lazy("Address line 2"),
    "postal_code": gettext_lazy("Postal code"),
    "city": gettext_lazy("City"),
    "region": gettext_lazy("State or region"),
    "country": gettext_lazy("Country"),
    "tax_id": gettext_lazy("Tax ID (VAT, GST …)"),
    "po_number": gettext_lazy("Purchase order number"),
    "buyer_reference": gettext_lazy("Buyer reference"),
    "recipients": gettext_lazy("Invoice recipients"),
    "language": gettext_lazy("Language of documents and e-mails"),
    "attach_pdf": gettext_lazy("PDF attached to e-mails"),
    "attach_xml": gettext_lazy("XML attached to e-mails"),
}


def attached_words(chosen: BillingProfile | MailSettings) -> list[str]:
    """What goes with e-mails that bring a document, for people; [] where nothing does."""
    return [str(label) for field, label in ATTACHABLE.items() if getattr(chosen, field)]


def checked_details(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, stripped; raises InvalidBillingDetailsError."""
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise InvalidBillingDetailsError(
            message=gettext("%(name)s: there is no such billing detail.") % {"name": unknown[0]}
        )
    switches = {field: bool(values[field]) for field in ATTACHABLE if field in values}
    checked = {field: value.strip() for field, value in values.items() if field not in {"recipients", *switches}}
    if checked.get("country") and checked["country"] not in country_names():
        raise InvalidBillingDetailsError(message=gettext("Country: use a two-letter ISO 3166-1 code, such as FR."))
    if checked.get("language", Language.EN) not in Language.values:
        message = gettext("Language: use one of %(languages)s.") % {"languages": ", ".join(Language.values)}
        raise InvalidBillingDetailsError(message=message)
    _check_lengths(checked)
    if "recipients" in values:
        checked["recipients"] = _recipients(values["recipients"])
    return {**checked, **switches}


def _check_lengths(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        field = BillingProfile._meta.get_field(name)
        longest = getattr(field, "max_length", None)
        if longest and len(value) > longest:
            message = gettext("%(field)s: use at most %(number)s characters.")
            raise InvalidBillingDetailsError(message=message % {"field": LABELS[name], "number": longest})


def _recipients(addresses: Sequence[str]) -> list[str]:
    """Each address once, in the order given."""
    unique = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    for address in unique:
        try:
            validate_email(address)
        except ValidationError as error:
            raise InvalidBillingDetailsError(
                message=gettext("Invoice recipients: %(address)s is not an e-mail address.") % {"address": address}
            ) from error
    return unique


def check_sales_contact(name: str, email: str) -> None:
    """Raises SalesContactInvalidError."""
    if bool(name) != bool(email):
        raise SalesContactInvalidError(f"{name!r} and {email!r}")
    longest = Customer._meta.get_field("sales_contact_name").max_length or 0
    if len(name) > longest:
        message = gettext("Name: use 1 to %(longest)s characters.") % {"longest": longest}
        raise SalesContactInvalidError(f"{len(name)} characters", message=message)
    try:
        if email:
            validate_email(email)
    except ValidationError as error:
        message = gettext("%(address)s is not an e-mail address.") % {"address": email}
        raise SalesContactInvalidError(email, message=message) from error
