"""What migration 0004 writes into the new columns of documents made before it."""

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from accounts.models import BillingProfile, Customer
from invoices import books
from invoices.models import Invoice, TaxRate
from invoices.tests.cast import calculated, open_invoice


def filling():
    """The first step of the migration: its SQL."""
    return MigrationLoader(connection).get_migration("invoices", "0004_immutable_credit_notes").operations[0].sql


def test_older_documents_get_their_tax_rows_and_their_customer_a_currency(seller, customer):
    BillingProfile.objects.filter(customer=customer).update(country="FR")
    issued = open_invoice(customer, 1797, 235)
    BillingProfile.objects.filter(customer=customer).update(country="US")
    draft = calculated(customer, 100)
    expected = {invoice.pk: (invoice.taxes, invoice.tax_rules) for invoice in Invoice.objects.all()}
    Customer.objects.update(currency="")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE invoices_invoice SET taxes = '[]', tax_rules = '[]'")
        cursor.execute("UPDATE invoices_taxrate SET category = 'S'")
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(filling())
    issued.refresh_from_db()
    draft.refresh_from_db()
    customer.refresh_from_db()
    assert issued.taxes == expected[issued.pk][0]
    assert issued.tax_rules == expected[issued.pk][1]
    assert [(row["category"], row["base"], row["tax"]) for row in draft.taxes] == [("O", 100, 0)]
    assert customer.currency == "USD"
    assert dict(TaxRate.objects.values_list("country", "category")) == {"FR": "S", "": "O"}
    assert list(books.check()) == []
