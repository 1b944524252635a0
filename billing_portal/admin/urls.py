"""Addresses of staff's own pages, inside the namespace `admin:`. Each tab of the customer page is a page."""

from django.urls import path

from billing_portal.admin import credits, customers, menu_pages

urlpatterns = [
    path("product-catalog/", menu_pages.product_catalog, name="product_catalog"),
    path("billing/", menu_pages.billing, name="billing"),
    path("billing/customers/<str:key>/", customers.customer_overview, name="customer"),
    *credits.urlpatterns,
]
