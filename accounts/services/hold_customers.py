from typing import TYPE_CHECKING, Any

from accounts.models import Customer

if TYPE_CHECKING:
    from django.db.models import QuerySet


def hold_customers(customer_ids: "QuerySet[Any, int]") -> None:
    """The lock of `lock_customers`, for a batch that asks nothing of the customers themselves: no rows are made.

    Whose batch it is, by a query of their ids, is asked in the same statement.
    """
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=customer_ids).order_by("pk")
    list(rows.values_list("pk"))
