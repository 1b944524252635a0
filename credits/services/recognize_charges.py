from collections.abc import Sequence
from datetime import datetime


def recognize_charges(*, keys: Sequence[str], at: datetime) -> int:
    """Earn what drafts accrued; how many charges became final."""
    raise NotImplementedError
