"""Pages that join rooms."""

from django.urls import path

from billing_portal.pages.alerts import billing_notifications
from billing_portal.pages.api import api_access, api_balance
from billing_portal.pages.asking import charge_ask, charge_asked
from billing_portal.pages.buying import credits_buy, credits_review
from billing_portal.pages.clock import (
    billing_clock,
    billing_clock_message,
    billing_clock_message_html,
    billing_clock_move,
    billing_clock_start,
    billing_clock_use,
)
from billing_portal.pages.explain import billing_explain, billing_explain_events
from billing_portal.pages.explorer import billing_usage, billing_usage_csv
from billing_portal.pages.health import healthz
from billing_portal.pages.home import home
from billing_portal.pages.language import set_language
from billing_portal.pages.metrics import metrics
from billing_portal.pages.overview import billing_overview, billing_upcoming, billing_usage_panel
from billing_portal.pages.overview_files import billing_course_csv, billing_meters_csv, billing_upcoming_csv
from billing_portal.pages.portal import portal
from billing_portal.pages.styleguide import styleguide
from billing_portal.pages.styleguide_emails import styleguide_email, styleguide_email_html, styleguide_emails
from billing_portal.pages.styleguide_states import styleguide_state, styleguide_states
from billing_portal.pages.theme import set_theme
from billing_portal.pages.topping_up import credits_top_up

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/customers/<str:key>/balance", api_balance, name="api_balance"),
    path("api/v1/customers/<str:key>/access", api_access, name="api_access"),
    path("theme/", set_theme, name="set_theme"),
    path("language/", set_language, name="set_language"),
    path("styleguide/", styleguide, name="styleguide"),
    path("styleguide/states/", styleguide_states, name="styleguide_states"),
    path("styleguide/states/<path:name>/", styleguide_state, name="styleguide_state"),
    path("styleguide/emails/", styleguide_emails, name="styleguide_emails"),
    path("styleguide/emails/<slug:template>/<int:number>/", styleguide_email, name="styleguide_email"),
    path("styleguide/emails/<slug:template>/<int:number>/html/", styleguide_email_html, name="styleguide_email_html"),
    path("settings/billing/", billing_overview, name="billing_overview"),
    path("settings/billing/_/usage-panel/", billing_usage_panel, name="billing_usage_panel"),
    path("settings/billing/_/upcoming/", billing_upcoming, name="billing_upcoming"),
    path("settings/billing/cost-so-far.csv", billing_course_csv, name="billing_course_csv"),
    path("settings/billing/current-usage.csv", billing_meters_csv, name="billing_meters_csv"),
    path("settings/billing/upcoming.csv", billing_upcoming_csv, name="billing_upcoming_csv"),
    path("settings/billing/portal/", portal, name="portal"),
    path("settings/billing/portal/notifications/", billing_notifications, name="billing_notifications"),
    path("settings/billing/usage/", billing_usage, name="billing_usage"),
    path("settings/billing/usage.csv", billing_usage_csv, name="billing_usage_csv"),
    path("settings/billing/credits/buy/", credits_buy, name="credits_buy"),
    path("settings/billing/credits/buy/review/", credits_review, name="credits_review"),
    path("settings/billing/credits/top-up/", credits_top_up, name="credits_top_up"),
    path("settings/billing/clock/", billing_clock, name="billing_clock"),
    path("settings/billing/clock/start/", billing_clock_start, name="billing_clock_start"),
    path("settings/billing/clock/move/", billing_clock_move, name="billing_clock_move"),
    path("settings/billing/clock/use/", billing_clock_use, name="billing_clock_use"),
    path("settings/billing/clock/messages/<int:number>/", billing_clock_message, name="billing_clock_message"),
    path(
        "settings/billing/clock/messages/<int:number>/html/",
        billing_clock_message_html,
        name="billing_clock_message_html",
    ),
    path("settings/billing/explain/<path:key>/events.csv", billing_explain_events, name="billing_explain_events"),
    path("settings/billing/explain/<path:key>/ask/", charge_ask, name="charge_ask"),
    path("settings/billing/questions/<slug:public_id>/", charge_asked, name="charge_asked"),
    path("settings/billing/explain/<path:key>/", billing_explain, name="billing_explain"),
]
