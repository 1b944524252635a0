"""The same world, and SQL as the owner of the tables: what must stay, stays."""

import pytest
from django.db import DatabaseError, connection, transaction

pytestmark = pytest.mark.django_db

# Neither changed nor deleted, from the moment they are written or – of a draft, a pending payment – final.
KEPT = (
    *("invoices_invoice", "invoices_payment", "invoices_refund", "invoices_creditapplication", "invoices_document"),
    *("invoices_creditstatement", "invoices_invoicesequence", "invoices_invoiceline"),
    *("credits_creditgrant", "credits_creditcharge", "credits_creditallocation", "credits_creditcorrection"),
    *("credits_ledgeraccount", "credits_ledgertransaction", "credits_ledgerentry"),
    *("accounts_auditentry", "plans_plan", "plans_ratecard", "plans_pricetier"),
)
STATEMENTS = {
    "update": "UPDATE {table} SET id = id + 1000000",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
}
REFUSED_BY_A_TRIGGER = ("23000", "23001")  # integrity_constraint_violation, restrict_violation


@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("table", KEPT)
def test_the_database_refuses(table, name, world):
    with connection.cursor() as cursor:
        if name == "truncate":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else a pending check is what refuses
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
        [rows] = cursor.fetchone()
        with pytest.raises(DatabaseError) as error, transaction.atomic():
            cursor.execute(STATEMENTS[name].format(table=table))
    assert error.value.__cause__.sqlstate in REFUSED_BY_A_TRIGGER
    assert rows or table == "credits_creditcorrection"
