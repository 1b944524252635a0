from django.urls import path

from invoices import views, views_documents, views_paying, views_webhooks

INVOICE = "settings/billing/invoices/<slug:public_id>/"

urlpatterns = [
    path("settings/billing/portal/", views.portal, name="portal"),
    path(
        "settings/billing/credits/statements/<slug:public_id>.pdf", views_documents.statement_pdf, name="statement_pdf"
    ),
    path("settings/billing/credits/grants/<slug:grant_id>/invoice/", views.grant_invoice, name="grant_invoice"),
    path(INVOICE, views.invoice, name="invoice"),
    path(INVOICE + "invoice.pdf", views_documents.invoice_pdf, name="invoice_pdf"),
    path(INVOICE + "invoice.xml", views_documents.invoice_xml, name="invoice_xml"),
    path(INVOICE + "receipts/<slug:payment_id>.pdf", views_documents.receipt_pdf, name="receipt_pdf"),
    path(INVOICE + "pay/", views_paying.invoice_pay, name="invoice_pay"),
    path(INVOICE + "payments/<slug:payment_id>/", views_paying.payment_status, name="payment_status"),
    path(INVOICE + "payments/<slug:payment_id>/confirm/", views_paying.payment_confirm, name="payment_confirm"),
    path("webhooks/<slug:gateway>/", views_webhooks.webhook, name="webhook"),
]
