from django.urls import path

from invoices import views, views_corrections, views_documents, views_exports, views_paying, views_webhooks

PORTAL = "settings/billing/portal/"
INVOICE = "settings/billing/invoices/<slug:public_id>/"

urlpatterns = [
    path(PORTAL + "history.csv", views_exports.billing_history_csv, name="billing_history_csv"),
    path(PORTAL + "statements.csv", views_exports.credit_statements_csv, name="credit_statements_csv"),
    path(PORTAL + "corrections.csv", views_exports.corrections_csv, name="corrections_csv"),
    path(PORTAL + "years/<int:year>/", views_exports.export_add, name="export_add"),
    path(PORTAL + "exports/<slug:public_id>/", views_exports.export, name="export"),
    path(PORTAL + "exports/<slug:public_id>/archive.zip", views_exports.export_zip, name="export_zip"),
    path(PORTAL + "corrections/add/", views_corrections.correction_add, name="correction_add"),
    path(PORTAL + "corrections/<slug:public_id>/", views_corrections.correction, name="correction"),
    path(
        "settings/billing/credits/statements/<slug:public_id>.pdf", views_documents.statement_pdf, name="statement_pdf"
    ),
    path("settings/billing/credits/grants/<slug:grant_id>/invoice/", views.grant_invoice, name="grant_invoice"),
    path(INVOICE, views.invoice, name="invoice"),
    path(INVOICE + "invoice.pdf", views_documents.invoice_pdf, name="invoice_pdf"),
    path(INVOICE + "invoice.xml", views_documents.invoice_xml, name="invoice_xml"),
    path(INVOICE + "lines.csv", views_exports.invoice_lines_csv, name="invoice_lines_csv"),
    path(INVOICE + "copy/", views_documents.invoice_copy, name="invoice_copy"),
    path(INVOICE + "receipts/<slug:payment_id>.pdf", views_documents.receipt_pdf, name="receipt_pdf"),
    path(INVOICE + "pay/", views_paying.invoice_pay, name="invoice_pay"),
    path(INVOICE + "payments/<slug:payment_id>/", views_paying.payment_status, name="payment_status"),
    path(INVOICE + "payments/<slug:payment_id>/confirm/", views_paying.payment_confirm, name="payment_confirm"),
    path("webhooks/<slug:gateway>/", views_webhooks.webhook, name="webhook"),
]
