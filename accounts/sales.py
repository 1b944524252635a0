"""Who in sales a customer talks to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from accounts.models import Customer


@dataclass(frozen=True, slots=True)
class SalesContact:
    """A name, which may be empty, and an e-mail address."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name}, {self.email}" if self.name else self.email


def sales_contact(customer: "Customer | None") -> SalesContact:
    """The one that the customer's contract names; where none is named, everybody's address of sales.

    Asks the database nothing: every page and every refusal of a customer says the same.
    """
    if customer and customer.sales_contact_email:  # a request’s is lazy, and may turn out to be None
        return SalesContact(customer.sales_contact_name, customer.sales_contact_email)
    return SalesContact("", settings.SALES_EMAIL)
