"""What the pages about runs say: names and links of what their rows name."""

from typing import NamedTuple

from django.urls import reverse

from accounts.models import Customer
from billing_portal.models import Run

TABLES = {
    "invoice": "invoices_invoice",
    "payment": "invoices_payment",
    "refund": "invoices_refund",
    "subscription": "plans_subscription",
    "customer": "accounts_customer",
}


class ParkedRow(NamedTuple):
    """Somebody a run has parked; `is_still`: nobody has taken them out since."""

    customer: Customer
    reason: str
    is_still: bool


def parked_rows(run: Run) -> list[ParkedRow]:
    """The customers of a run's list. One query, none where nobody was parked."""
    if not run.parked:
        return []
    found = Customer.objects.in_bulk([row["customer"] for row in run.parked])
    return [
        ParkedRow(found[row["customer"]], row["reason"], found[row["customer"]].parked_at is not None)
        for row in run.parked
        if row["customer"] in found
    ]


def subject_link(subject: str) -> str:
    """Where the row of a finding is shown (`invoice:7`); empty where it has no page of its own."""
    table, _, rest = subject.partition(":")
    number = rest.split(" ")[0]
    if table not in TABLES or not number.isdecimal():
        return ""
    return reverse(f"admin:{TABLES[table]}_change", args=[number])
