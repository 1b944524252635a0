"""What billing details must keep to, whoever writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.countries import country_names
from accounts.exceptions import InvalidBillingDetailsError
from accounts.models import BillingProfile, Language
from accounts.selectors import PARTY_FIELDS

FIELDS = (*PARTY_FIELDS, "recipients", "language")


def checked_details(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, stripped; raises InvalidBillingDetailsError."""
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise InvalidBillingDetailsError(message=f"{unknown[0]}: there is no such billing detail.")
    checked = {field: value.strip() for field, value in values.items() if field != "recipients"}
    if checked.get("country") and checked["country"] not in country_names():
        raise InvalidBillingDetailsError(message="Country: use a two-letter ISO 3166-1 code, such as FR.")
    if checked.get("language", Language.EN) not in Language.values:
        raise InvalidBillingDetailsError(message=f"Language: use one of {', '.join(Language.values)}.")
    _check_lengths(checked)
    if "recipients" in values:
        checked["recipients"] = _recipients(values["recipients"])
    return checked


def _check_lengths(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        field = BillingProfile._meta.get_field(name)
        longest = getattr(field, "max_length", None)
        if longest and len(value) > longest:
            label = str(getattr(field, "verbose_name", name)).capitalize()
            raise InvalidBillingDetailsError(message=f"{label}: use at most {longest} characters.")


def _recipients(addresses: Sequence[str]) -> list[str]:
    """Each address once, in the order given."""
    unique = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    for address in unique:
        try:
            validate_email(address)
        except ValidationError as error:
            raise InvalidBillingDetailsError(
                message=f"Invoice recipients: {address} is not an e-mail address."
            ) from error
    return unique
