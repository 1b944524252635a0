"""What a periodic job asks for: rows that are due, each with the customer and that customer's present."""

from datetime import datetime
from typing import NamedTuple


class Due(NamedTuple):
    """One row that is due. `present` is the customer's own clock where one is set, else the run's instant."""

    id: int
    customer_id: int
    present: datetime
