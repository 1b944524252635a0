from collections.abc import Sequence
from datetime import datetime

from accounts.models import User
from credits.charges import Allocation, ChargeDraft


def draw_down_credits(
    *, charges: Sequence[ChargeDraft], at: datetime, actor: User | None = None
) -> dict[str, Allocation]:
    """Pay charges with credit; by key what became of each. A key charged before gives what was recorded."""
    raise NotImplementedError
