"""Requests to sales, for those who work on them."""

from typing import NamedTuple

from accounts.models import AuditEntry
from plans.models import InquiryStatus, SalesInquiry

LIMIT = 50  # of one status on the board
CLOSED = (InquiryStatus.WON, InquiryStatus.LOST)


class Column(NamedTuple):
    """One status with its requests, the one that waits longest first; of what is over the newest first."""

    status: InquiryStatus
    inquiries: list[SalesInquiry]
    has_more: bool


def board() -> list[Column]:
    """Every status in the order of the way. One query for each."""
    return [_column(status) for status in InquiryStatus]


def _column(status: InquiryStatus) -> Column:
    rows = SalesInquiry.objects.filter(status=status).select_related("customer", "owner")
    order = ("-status_at", "-pk") if status in CLOSED else ("created_at", "pk")
    found = list(rows.order_by(*order)[: LIMIT + 1])
    return Column(status, found[:LIMIT], len(found) > LIMIT)


def open_inquiries(limit: int) -> list[SalesInquiry]:
    """Neither won nor lost, the oldest first."""
    return list(SalesInquiry.objects.open().order_by("created_at", "pk")[:limit])


def inquiry_by_id(inquiry_id: int) -> SalesInquiry | None:
    """A request with customer, person and owner; None where there is none."""
    rows = SalesInquiry.objects.select_related("customer", "user", "owner")
    return rows.filter(pk=inquiry_id).first()


def worked_on(inquiry: SalesInquiry) -> list[AuditEntry]:
    """What has been done about a request and noted, newest first."""
    rows = AuditEntry.objects.filter(customer_id=inquiry.customer_id, subject=inquiry.subject)
    return list(rows.select_related("actor").order_by("-at", "-pk")[:200])
