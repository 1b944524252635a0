"""Reads of this room. Functions about one customer expect that the caller may see that customer."""

from plans.selectors.catalogue import (
    catalogue,
    current_subscription,
    default_plan,
    due_for_calculation,
    due_for_follow_up,
    due_to_change,
    published_plan,
    quote_by_id,
    quote_of,
    quote_of_invoice,
    starts_to_settle,
)
from plans.selectors.closing import Closing, closing
from plans.selectors.gathering import Claim, gather
from plans.selectors.upcoming import Running, UpcomingInvoice, running, upcoming_invoice
from plans.selectors.used import UsageRow, UsageToDate, usage_to_date

__all__ = [
    "Claim",
    "Closing",
    "Running",
    "UpcomingInvoice",
    "UsageRow",
    "UsageToDate",
    "catalogue",
    "closing",
    "current_subscription",
    "default_plan",
    "due_for_calculation",
    "due_for_follow_up",
    "due_to_change",
    "gather",
    "published_plan",
    "quote_by_id",
    "quote_of",
    "quote_of_invoice",
    "running",
    "starts_to_settle",
    "upcoming_invoice",
    "usage_to_date",
]
