from collections.abc import Sequence
from datetime import datetime

from accounts.models import User
from credits.charges import CorrectionDraft


def correct_draw_down(
    *, corrections: Sequence[CorrectionDraft], at: datetime, actor: User | None = None
) -> dict[str, int]:
    """Give credit back; by key the amount given back in minor units. Raises CorrectionError."""
    raise NotImplementedError
