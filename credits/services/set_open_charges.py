from collections.abc import Mapping, Sequence
from datetime import datetime

from credits.charges import OpenDraft


def set_open_charges(*, scopes: Mapping[str, Sequence[OpenDraft]], at: datetime) -> None:
    """Replace each scope's open charges; a scope without drafts has none any more."""
    raise NotImplementedError
