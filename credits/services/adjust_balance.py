from datetime import datetime

from accounts.models import User


def adjust_balance(
    *, key: str, customer_id: int, currency: str, amount: int, reason: str, at: datetime, actor: User | None
) -> None:
    """Add (amount > 0) or take (< 0) credit by hand. Adjusting with the same key twice does it once. Raises AdjustmentError."""
    raise NotImplementedError
