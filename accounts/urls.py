from django.urls import path

from accounts import views, views_cards, views_exports

CARDS = "settings/billing/portal/payment-methods/"

urlpatterns = [
    path("settings/", views.settings_home, name="settings"),
    path("settings/customer/", views.switch_customer, name="switch_customer"),
    path("settings/members/", views.members, name="members"),
    path("settings/members.csv", views_exports.members_csv, name="members_csv"),
    path("settings/api-tokens.csv", views_exports.api_tokens_csv, name="api_tokens_csv"),
    path("settings/billing/portal/payment-methods.csv", views_exports.payment_methods_csv, name="payment_methods_csv"),
    path("settings/api-tokens/", views.api_tokens, name="api_tokens"),
    path("settings/api-tokens/<int:token_id>/revoke/", views.api_token_revoke, name="api_token_revoke"),
    path("settings/billing/portal/details/", views.billing_details, name="billing_details"),
    path(CARDS + "add/", views_cards.pm_add, name="pm_add"),
    path(CARDS + "add/return/", views_cards.pm_add_return, name="pm_add_return"),
    path(CARDS + "<slug:key>/default/", views_cards.pm_default, name="pm_default"),
    path(CARDS + "<slug:key>/delete/", views_cards.pm_delete, name="pm_delete"),
]
