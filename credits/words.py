"""PURE: names that the house itself gives to credit, for those who do not read English. What people named stays."""

from core.language import gettext, gettext_noop

PURCHASED = gettext_noop("Purchased credits")
ADJUSTMENT = gettext_noop("Adjustment")
OWN = (PURCHASED, ADJUSTMENT)


def grant_name(kept: str) -> str:
    """The name of a grant, kept in English where it is one of ours, in the active language."""
    return gettext(kept) if kept in OWN else kept
