from collections.abc import Iterable

from accounts.models import Customer
from core.any_of import any_of


def lock_customers(customer_ids: Iterable[int]) -> dict[int, Customer]:
    """Hold the one mutex of these customers' money until the transaction ends; fresh rows by id.

    Always in primary-key order, so two batches never wait for each other in a circle. `no_key` lets other
    transactions go on inserting rows that merely reference the customer. Raises TransactionManagementError
    outside a transaction; ids that do not exist are absent from the answer.
    """
    rows = Customer.objects.select_for_update(no_key=True).filter(any_of("pk", set(customer_ids))).order_by("pk")
    return {customer.pk: customer for customer in rows}
