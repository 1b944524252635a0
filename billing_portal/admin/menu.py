"""The menu of staff: «Metering & Billing» → «Product Catalog» and «Billing», then everything else by room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A table or page: `url_name` inside `admin:`; `table` is `<app>_<model>`, empty for a page of its own."""

    label: str
    url_name: str
    note: str
    table: str = ""

    def covers(self, url_name: str) -> bool:
        """Whether an address belongs to it."""
        return url_name == self.url_name or url_name.startswith(f"{self.table or self.url_name}_")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the menu with its tabs."""

    label: str
    url_name: str
    note: str
    entries: tuple[Entry, ...]
    wanted: tuple[str, ...]  # short names of capabilities, one of which opens it


def _table(label: str, table: str, note: str) -> Entry:
    return Entry(label, f"{table}_changelist", note, table)


SECTIONS = (
    Section(
        "Product Catalog",
        "product_catalog",
        "What is measured, what of it is sold, and at which price.",
        (
            _table("Meters", "usage_meter", "How events become a quantity"),
            _table("Features", "usage_feature", "What of a meter can be priced"),
            _table("Plans", "plans_plan", "Price lists in versions"),
        ),
        ("read", "catalog"),
    ),
    Section(
        "Billing",
        "billing",
        "Who is billed, for what, and what they owe.",
        (
            _table("Customers", "accounts_customer", "Who is billed, with their credits and usage"),
            _table("Subscriptions", "plans_subscription", "Who is on which plan"),
            _table("Scheduled changes", "plans_scheduledchange", "Plans that begin later"),
            _table("Invoices", "invoices_invoice", "Invoices and credit notes"),
            _table("Payments", "invoices_payment", "What was collected, declined or is uncertain"),
            _table("Refunds", "invoices_refund", "What was paid back"),
            _table("Contact requests", "plans_salesinquiry", "«Contact Sales», to be answered"),
            _table("Corrections", "invoices_correctionrequest", "Customers who ask for a corrected invoice"),
            _table("Events", "invoices_gatewayevent", "What the card processor told us, and what came of it"),
            _table("Disputes", "invoices_dispute", "Charges that cardholders take back at their bank"),
            Entry("Needs attention", "attention", "Payments and refunds that wait for somebody"),
            Entry("Runs", "runs", "What ran, who is parked, and the check of the books"),
        ),
        ("read",),
    ),
)
CUSTOMERS = "accounts_customer"
NAMES = {"account": "Log-ins"}  # allauth's «Accounts», beside our own


def sections_for(may: Mapping[str, bool]) -> tuple[Section, ...]:
    """The parts of the menu that somebody with these capabilities (`accounts.roles.capabilities`) can open."""
    return tuple(section for section in SECTIONS if any(may[name] for name in section.wanted))


def section_of(sections: Iterable[Section], url_name: str) -> tuple[Section, Entry | None] | None:
    """The section and the tab an address stands in; customers' own pages are named `customer…`."""
    for section in sections:
        if url_name == section.url_name:
            return section, None
        for entry in section.entries:
            if entry.covers(url_name) or (entry.table == CUSTOMERS and url_name.startswith("customer")):
                return section, entry
    return None


def grouped(apps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not in the menu's sections, by room: operators look there, seldom."""
    shown = {entry.table for section in SECTIONS for entry in section.entries}
    rest = []
    for app in apps:
        models = [each for each in app["models"] if f"{app['app_label']}_{each['object_name'].lower()}" not in shown]
        if models:
            name = NAMES.get(app["app_label"], app["name"])
            rest.append({**app, "name": name, "models": models})
    return rest
