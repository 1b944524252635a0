"""What funding a grant does to its purse."""

from datetime import datetime

from credits.state import GrantState
from credits.storage import Purses


def fund(purses: Purses, grant_id: int, at: datetime) -> GrantState:
    """A grant is paid at `at`: what was due before comes first, and what its payment makes due follows at once."""
    grant = purses.grant(grant_id)
    purse = purses.of(grant.customer_id, grant.currency)
    purse.book_due(at)
    purse.fund(grant, at)
    purse.book_due(at)
    return grant
