from datetime import datetime

from accounts.models import User
from credits.models import CreditGrant


def void_grant(*, grant_id: int, at: datetime, actor: User | None, reason: str) -> CreditGrant:
    """Forfeit what is unused; voided already, nothing happens. Raises NotVoidableError."""
    raise NotImplementedError
