"""Pages that join rooms."""

from django.urls import path

from billing_portal.pages.health import healthz
from billing_portal.pages.home import home
from billing_portal.pages.overview import billing_overview, billing_upcoming, billing_usage_panel
from billing_portal.pages.styleguide import styleguide
from billing_portal.pages.theme import set_theme

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("theme/", set_theme, name="set_theme"),
    path("styleguide/", styleguide, name="styleguide"),
    path("settings/billing/", billing_overview, name="billing_overview"),
    path("settings/billing/_/usage-panel/", billing_usage_panel, name="billing_usage_panel"),
    path("settings/billing/_/upcoming/", billing_upcoming, name="billing_upcoming"),
]
