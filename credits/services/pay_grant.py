from datetime import datetime

from accounts.models import User
from credits.models import CreditGrant


def pay_grant(*, grant_id: int, at: datetime, actor: User | None, reference: str = "") -> CreditGrant:
    """Fund a grant that was waiting for its payment; paid already, nothing happens."""
    raise NotImplementedError
