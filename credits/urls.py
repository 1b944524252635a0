from django.urls import path

from credits import views

CREDITS = "settings/billing/credits/"

urlpatterns = [
    path(CREDITS, views.credits_page, name="credits"),
    path(CREDITS + "grants.csv", views.credit_grants_csv, name="credit_grants_csv"),
    path(CREDITS + "transactions/", views.credit_tx, name="credit_tx"),
    path(CREDITS + "transactions.csv", views.credit_tx_csv, name="credit_tx_csv"),
    path(CREDITS + "verify/", views.credits_verify, name="credits_verify"),
    path(CREDITS + "verify/verify_ledger.py", views.verify_script, name="verify_script"),
    path(CREDITS + "ledger.csv", views.credits_ledger_csv, name="credits_ledger_csv"),
]
