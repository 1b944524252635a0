"""PURE: what there is to say beside the steps of a sum: whose price it is, and what of the usage is new."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from core import formats
from core.language import gettext as _
from invoices.hand_charges import BY_HAND
from invoices.sold_lines import SOLD

Data = Mapping[str, Any]

ON_NO_LIST = (BY_HAND, SOLD)


def price_version(data: Data) -> str:
    """`Plus, price list version 3, since 1 Sep 2026`; empty for a charge that no price list has.

    The day stands in `price_since`, where whoever explains has looked it up: no line has stored it.
    """
    if data["model"] in ON_NO_LIST:
        return ""
    said = {"plan": data["plan_name"], "version": data["price_version"]}
    if since := data.get("price_since"):
        said["since"] = formats.day(date.fromisoformat(since))
        return _("%(plan)s, price list version %(version)s, since %(since)s") % said
    return _("%(plan)s, price list version %(version)s") % said


def window_note(data: Data) -> str:
    """What is special about the quantity; empty where nothing is."""
    notes = []
    if data["window"] != data["planned_window"]:
        notes.append(_("the window was cut short by a change of plan"))
    if data.get("line") == "late":  # everything is counted again: what is new is the difference
        known = formats.quantity(Decimal(data["billed_quantity"]))
        notes.append(_("%(quantity)s were known when it was billed before") % {"quantity": known})
    return "; ".join(notes)
