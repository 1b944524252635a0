"""The demo log-ins, offered on the log-in page in demo mode only."""

from django.utils.translation import gettext_lazy as _

DEMO_PASSWORD = "demo-portal-2026"  # noqa: S105 - only ever set by seed_demo

DEMO_LOGINS = [
    {"email": "free@example.com", "password": DEMO_PASSWORD, "label": _("A customer on Free")},
    {
        "email": "plus@example.com",
        "password": DEMO_PASSWORD,
        "label": _("A customer on Plus, with six months of history"),
    },
    {"email": "enterprise@example.com", "password": DEMO_PASSWORD, "label": _("An Enterprise customer")},
    {"email": "credits@example.com", "password": DEMO_PASSWORD, "label": _("A customer with prepaid credits")},
    {"email": "overdue@example.com", "password": DEMO_PASSWORD, "label": _("A customer whose card was declined")},
    {"email": "staff@example.com", "password": DEMO_PASSWORD, "label": _("Staff, for Django admin")},
]
