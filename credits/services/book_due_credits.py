from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from accounts.services.lock_customers import lock_customers
from credits.ledger import write
from credits.storage import Purses


@transaction.atomic
def book_due_credits(*, customer_ids: Iterable[int], at: datetime) -> int:
    """Book the releases and expiries of these customers that are due by `at`, each at its own instant; how many."""
    customers = lock_customers(customer_ids)
    purses = Purses().load_open(customers.keys(), until=at)
    booked = sum(purse.book_due(at) for purse in purses)
    write(purses, customers, at)
    return booked
