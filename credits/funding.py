"""What a grant's payment does: overdraft is repaid, the rest becomes available, and the customer hears of it."""

from datetime import datetime

from accounts.models import Customer
from credits.ledger import write
from credits.models import CreditGrant
from credits.selectors import balance
from credits.storage import Purses
from credits.telling import tell_granted


def fund(row: CreditGrant, customer: Customer, at: datetime) -> None:
    """Pay a grant at `at`: what was due before comes first, and what its payment makes due follows at once.

    The customer is locked; `row` is read anew.
    """
    before = balance(row.customer_id, row.currency, at).settled
    purses = Purses().load_open([row.customer_id], until=at, repaying=True)
    purse = purses.of(row.customer_id, row.currency)
    purse.book_due(at)
    purse.fund(purses.grant(row.pk), at)
    purse.book_due(at)
    write(purses, {customer.pk: customer}, at)
    row.refresh_from_db()
    tell_granted(row, customer=customer, before=before, at=at)
