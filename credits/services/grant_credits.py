from datetime import datetime

from accounts.models import User
from credits.grants import GrantDraft
from credits.models import CreditGrant


def grant_credits(*, grant: GrantDraft, at: datetime, actor: User | None) -> CreditGrant:
    """Give a customer credit. Granting the same key twice gives the first grant. Raises GrantError, CreditCurrencyError."""
    raise NotImplementedError
