"""Every URL of the house: each room brings its own, the roof the pages that join rooms."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),  # first: the rooms have no prefix, so that each would be searched through before
    path("", include("billing_portal.pages.urls")),
    path("", include("plans.urls")),
    path("", include("invoices.urls")),
    path("", include("usage.urls")),
    path("", include("credits.urls")),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
]
