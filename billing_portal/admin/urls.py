"""Addresses of staff's own pages, inside the namespace `admin:`. Each tab of the customer page is a page."""

from django.urls import path

from billing_portal.admin import (
    audit,
    changes,
    credits,
    customers,
    explaining,
    menu_pages,
    new_customer,
    people,
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
    *credits.urlpatterns,
    *changes.urlpatterns,
    *people.urlpatterns,
    *viewing.urlpatterns,
    *explaining.urlpatterns,
    path(f"{CUSTOMER}invoices/", customers.customer_invoices, name="customer_invoices"),
    path(f"{CUSTOMER}usage/", customers.customer_usage, name="customer_usage"),
    path(f"{CUSTOMER}audit/", audit.customer_audit, name="customer_audit"),
]
