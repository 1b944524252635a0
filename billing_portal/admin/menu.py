"""The menu of staff: «Metering & Billing» → «Product Catalog» and «Billing», then everything else by room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True, slots=True)
class Entry:
    """A table or page: `url_name` inside `admin:`; `table` is `<app>_<model>`, empty for a page of its own."""

    label: "_StrOrPromise"
    url_name: str
    note: "_StrOrPromise"
    table: str = ""

    def covers(self, url_name: str) -> bool:
        """Whether an address belongs to it."""
        return url_name == self.url_name or url_name.startswith(f"{self.table or self.url_name}_")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the menu with its tabs."""

    label: "_StrOrPromise"
    url_name: str
    note: "_StrOrPromise"
    entries: tuple[Entry, ...]
    wanted: tuple[str, ...]  # short names of capabilities, one of which opens it


def _table(label: "_StrOrPromise", table: str, note: "_StrOrPromise") -> Entry:
    return Entry(label, f"{table}_changelist", note, table)


SECTIONS = (
    Section(
        gettext_lazy("Product Catalog"),
        "product_catalog",
        gettext_lazy("What is measured, what of it is sold, and at which price."),
        (
            _table(gettext_lazy("Meters"), "usage_meter", gettext_lazy("How events become a quantity")),
            _table(gettext_lazy("Features"), "usage_feature", gettext_lazy("What of a meter can be priced")),
            _table(gettext_lazy("Plans"), "plans_plan", gettext_lazy("Price lists in versions")),
        ),
        ("read", "catalog"),
    ),
    Section(
        gettext_lazy("Billing"),
        "billing",
        gettext_lazy("Who is billed, for what, and what they owe."),
        (
            _table(
                gettext_lazy("Customers"),
                "accounts_customer",
                gettext_lazy("Who is billed, with their credits and usage"),
            ),
            _table(gettext_lazy("Subscriptions"), "plans_subscription", gettext_lazy("Who is on which plan")),
            _table(gettext_lazy("Scheduled changes"), "plans_scheduledchange", gettext_lazy("Plans that begin later")),
            _table(gettext_lazy("Invoices"), "invoices_invoice", gettext_lazy("Invoices and credit notes")),
            _table(
                gettext_lazy("Payments"),
                "invoices_payment",
                gettext_lazy("What was collected, declined or is uncertain"),
            ),
            _table(gettext_lazy("Refunds"), "invoices_refund", gettext_lazy("What was paid back")),
            _table(
                gettext_lazy("Contact requests"), "plans_salesinquiry", gettext_lazy("«Contact Sales», to be answered")
            ),
            _table(
                gettext_lazy("Corrections"),
                "invoices_correctionrequest",
                gettext_lazy("Customers who ask for a corrected invoice"),
            ),
            _table(
                gettext_lazy("Questions"), "invoices_chargequestion", gettext_lazy("Customers who ask about a charge")
            ),
            _table(
                gettext_lazy("Events"),
                "invoices_gatewayevent",
                gettext_lazy("What the card processor told us, and what came of it"),
            ),
            _table(
                gettext_lazy("Disputes"),
                "invoices_dispute",
                gettext_lazy("Charges that cardholders take back at their bank"),
            ),
            Entry(
                gettext_lazy("Needs attention"),
                "attention",
                gettext_lazy("Payments and refunds that wait for somebody"),
            ),
            Entry(gettext_lazy("Runs"), "runs", gettext_lazy("What ran, who is parked, and the check of the books")),
        ),
        ("read",),
    ),
)
CUSTOMERS = "accounts_customer"
NAMES = {"account": gettext_lazy("Log-ins")}  # allauth's «Accounts», beside our own


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
