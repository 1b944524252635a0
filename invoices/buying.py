"""What customers buy: how much credit at a time, and what it comes to before anything is bought. Minor units."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext

from core import formats
from credits.grants import GrantDraft
from credits.words import PURCHASED
from invoices.exceptions import SaleAmountError
from invoices.lines import total_lines
from invoices.models import CreditSale
from invoices.models_selling import Origin
from invoices.selectors import tax_rules
from invoices.sold_lines import sale_key, sale_line
from invoices.totals import Totals


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a customer has confirmed: `amount` of credit for `total`, tax included.

    `number` counts the customer's purchases, this one included: two tabs that show the same number buy once.
    """

    customer_id: int
    currency: str
    amount: int
    number: int
    total: int

    @property
    def key(self) -> str:
        """Of the sale."""
        return sale_key(self.customer_id, "bought", self.number)


def next_number(customer_id: int) -> int:
    """The number of the customer's next purchase. One query."""
    return CreditSale.objects.filter(customer_id=customer_id, origin=Origin.CUSTOMER).count() + 1


def check_amount(amount: int, currency: str) -> None:
    """Raises SaleAmountError below CREDIT_SALE_MINIMUM or above CREDIT_SALE_MAXIMUM."""
    least, most = settings.CREDIT_SALE_MINIMUM, settings.CREDIT_SALE_MAXIMUM
    if not least <= amount <= most:
        message = gettext("Choose an amount from %(least)s to %(most)s.")
        values = {"least": formats.money(least, currency), "most": formats.money(most, currency)}
        raise SaleAmountError(f"{amount} {currency}", message=message % values)


def sold_grant(key: str, customer_id: int, currency: str, amount: int, at: datetime) -> GrantDraft:
    """The credit that customers buy: for everything, at its price, for as long as CREDIT_SALE_EXPIRES_AFTER says."""
    lasts = settings.CREDIT_SALE_EXPIRES_AFTER
    return GrantDraft(
        key=key,
        customer_id=customer_id,
        currency=currency,
        amount=amount,
        funding="invoiced",
        name=PURCHASED,
        expires_at=at + lasts if lasts else None,
    )


def sale_totals(grant: GrantDraft, at: datetime) -> Totals:
    """What the invoice for a grant comes to: `sell_credits`' own steps, writing nothing."""
    rule = tax_rules([grant.customer_id])[grant.customer_id]
    return total_lines([sale_line(grant, at)], rule, {})
