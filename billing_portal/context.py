"""What every page shows: names, theme, the person's customers, the navigation of the settings."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from accounts.middleware import current_memberships, current_viewing
from accounts.sales import sales_contact
from billing_portal.demo import DEMO_LOGINS
from billing_portal.purposes import purpose

THEMES = (("", _("System")), ("light", _("Light")), ("dark", _("Dark")))

# `covers` are the URL names of the pages below an entry: it stays marked while one of them is shown.
SETTINGS_NAV = (
    {
        "name": "billing_overview",
        "label": _("Billing and Usage"),
        "icon": "chart",
        "covers": (
            *("billing_usage_panel", "billing_upcoming", "billing_explain", "billing_usage"),
            *("charge_ask", "charge_asked"),
        ),
    },
    {
        "name": "plan_change",
        "label": _("Change Plan"),
        "icon": "tiles",
        "covers": (
            "plan_estimate",
            "plan_upgrade",
            "plan_upgrade_return",
            "contact_sales",
            "contact_sales_sent",
            "plan_cancel",
        ),
    },
    {
        "name": "credits",
        "label": _("Credits"),
        "icon": "coins",
        "covers": ("credit_tx", "credits_verify"),
    },
    {
        "name": "portal",
        "label": _("Billing portal"),
        "icon": "card",
        "covers": (
            *("pm_add", "pm_delete", "invoice", "invoice_pay", "payment_status", "billing_notifications"),
            *("export", "correction_add", "correction"),
        ),
    },
    {"name": "billing_details", "label": _("Billing details"), "icon": "document", "covers": ()},
    {"name": "api_tokens", "label": _("API tokens"), "icon": "key", "covers": ()},
)

# Offered in demo mode; elsewhere staff move clocks, and the banner leads to the page.
CLOCK = {"name": "billing_clock", "label": _("Test clock"), "icon": "clock", "covers": ("billing_clock_message",)}

# For staff who look as a customer's viewer: programs' tokens are not shown to them (billing_portal/viewing.py).
VIEWED_NAV = tuple(entry for entry in SETTINGS_NAV if entry["name"] != "api_tokens")


def portal(request: HttpRequest) -> dict[str, Any]:
    """Context of every template rendered for a request. Asks the database only where `memberships` or `sales_contact`
    is read."""
    chosen = request.COOKIES.get("theme", "")
    return {
        "product": settings.PRODUCT_NAME,
        "terms_url": settings.TERMS_URL,
        "demo": settings.DEMO,
        "demo_logins": DEMO_LOGINS if settings.DEMO else [],
        "sales_contact": SimpleLazyObject(lambda: sales_contact(getattr(request, "customer", None))),
        "help_email": settings.BILLING_EMAIL,
        "languages": settings.LANGUAGES,
        "theme": chosen if chosen in dict(THEMES) else "",
        "theme_choices": THEMES,
        "settings_nav": (
            *(SETTINGS_NAV if current_viewing(request) is None else VIEWED_NAV),
            *((CLOCK,) if settings.DEMO else ()),
        ),
        "purpose": SimpleLazyObject(lambda: purpose(request)),
        "memberships": SimpleLazyObject(lambda: current_memberships(request)),
    }
