"""The seller as documents keep it."""

from invoices.models import Seller

FIELDS = (
    *("legal_name", "line1", "line2", "postal_code", "city", "country"),
    *("tax_id", "registration", "late_payment", "legal_note", "email", "iban"),
)


def seller_party(seller: Seller) -> dict[str, str]:
    """A copy of the seller, as JSON values."""
    return {field: getattr(seller, field) for field in FIELDS}
