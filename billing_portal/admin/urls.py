"""Addresses of staff's own pages, inside the namespace `admin:`. Each tab of the customer page is a page."""

from django.urls import path

from billing_portal.admin import (
    attention,
    audit,
    changes,
    charges,
    clocks,
    contracts,
    credits,
    customer_files,
    customers,
    digest,
    explaining,
    menu_pages,
    new_customer,
    people,
    runs,
    selling,
    subscriptions,
    viewing,
)

CUSTOMER = "billing/customers/<str:key>/"

urlpatterns = [
    path("product-catalog/", menu_pages.product_catalog, name="product_catalog"),
    path("billing/", menu_pages.billing, name="billing"),
    path("billing/new-customer/", new_customer.customer_add, name="customer_add"),
    path(CUSTOMER, customers.customer_overview, name="customer"),
    path(f"{CUSTOMER}upcoming/", customers.customer_upcoming, name="customer_upcoming"),
    path(f"{CUSTOMER}subscriptions/", subscriptions.customer_subscriptions, name="customer_subscriptions"),
    path(f"{CUSTOMER}subscriptions/add/", subscriptions.customer_subscriptions_add, name="customer_subscriptions_add"),
    path(
        f"{CUSTOMER}subscriptions/cancel/",
        subscriptions.customer_subscriptions_cancel,
        name="customer_subscriptions_cancel",
    ),
    path(
        f"{CUSTOMER}subscriptions/changes/<int:change_id>/withdraw/",
        subscriptions.customer_subscriptions_withdraw,
        name="customer_subscriptions_withdraw",
    ),
    path(
        f"{CUSTOMER}subscriptions/contract/",
        contracts.customer_subscriptions_contract,
        name="customer_subscriptions_contract",
    ),
    path(
        f"{CUSTOMER}subscriptions/contact/",
        contracts.customer_subscriptions_contact,
        name="customer_subscriptions_contact",
    ),
    *credits.urlpatterns,
    *selling.urlpatterns,
    *customer_files.urlpatterns,
    *runs.urlpatterns,
    *attention.urlpatterns,
    *digest.urlpatterns,
    *changes.urlpatterns,
    *people.urlpatterns,
    *viewing.urlpatterns,
    *explaining.urlpatterns,
    *clocks.urlpatterns,
    path(f"{CUSTOMER}invoices/", customers.customer_invoices, name="customer_invoices"),
    *charges.urlpatterns,
    path(f"{CUSTOMER}usage/", customers.customer_usage, name="customer_usage"),
    path(f"{CUSTOMER}audit/", audit.customer_audit, name="customer_audit"),
]
