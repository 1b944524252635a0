from collections.abc import Iterable

from accounts.models import Customer
from core.any_of import any_of


def hold_customers(customer_ids: Iterable[int]) -> None:
    """The lock of `lock_customers`, for a batch that asks nothing of the customers themselves: no rows are made."""
    rows = Customer.objects.select_for_update(no_key=True).filter(any_of("pk", set(customer_ids))).order_by("pk")
    list(rows.values_list("pk"))
