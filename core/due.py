"""What a periodic job asks for: rows that are due, each with the customer and that customer's present."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from core.questions import Given


class Due(NamedTuple):
    """One row that is due. `present` is the customer's own clock where one is set, else the run's instant."""

    id: int
    customer_id: int
    present: datetime


def only(customer_id: "int | Given | None") -> "dict[str, int | Given]":
    """A filter for rows that have a customer: those of one, None for everybody's."""
    return {} if customer_id is None else {"customer_id": customer_id}
