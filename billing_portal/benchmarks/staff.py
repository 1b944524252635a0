"""Lists and customer pages of staff among very many rows, as a multiple of the least a page of the staff site takes.

The floor is «Billing», a page of the menu, asked for by the same person through the same stack in the same run: it
reads the session, the person and what they may do, and renders the same frame, but no row of its own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.contrib import admin
from django.db import connection
from django.test import Client, override_settings
from django.urls import reverse

from accounts.models import Customer, User
from accounts.staff_lists import StaffTable
from accounts.staff_paging import REACH
from billing_portal.benchmarks.measure import Measurement, seconds
from core.clock import now
from invoices.models import Invoice
from plans.models import Plan
from plans.seed import demo_catalogue

ROUNDS = 15
WARM_UPS = 1
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)

# A customer in 50 is on Enterprise, in 10 without a card; a document in 25 is open, in 100 void or uncollectible, the
# rest is paid, others were declined. The guards of issued rows are off meanwhile: these begin as what they became.
ROWS = """
CREATE TEMPORARY TABLE made AS SELECT id, n FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM accounts_customer WHERE key LIKE 'staff-%%'
) AS numbered;
ANALYZE made;
INSERT INTO accounts_billingprofile (customer_id, legal_name, line1, line2, postal_code, city, region, country, tax_id,
                                     po_number, recipients, updated_at)
SELECT id, 'Customer ' || n, '1 Street', '', '', 'City', '', 'FR', '', '', '[]', %(began)s FROM made;
INSERT INTO accounts_user (password, is_superuser, first_name, last_name, is_staff, is_active, date_joined, email)
SELECT '', false, '', '', false, true, %(began)s, 'person' || n || '@staff.example' FROM made;
INSERT INTO accounts_membership (user_id, customer_id, role)
SELECT u.id, m.id, 'billing_admin' FROM made m JOIN accounts_user u ON u.email = 'person' || m.n || '@staff.example';
INSERT INTO accounts_usagesubject (customer_id, subject, kind) SELECT id, 'subject-' || n, 'subject' FROM made;
INSERT INTO accounts_paymentmethod (key, customer_id, gateway, token, fingerprint, brand, last4, exp_month, exp_year,
                                    is_default, created_at)
SELECT 'pm_staff_' || n, id, 'sandbox', 'tok_staff_' || n, '', 'Visa', lpad((n %% 10000)::text, 4, '0'), 12, 2040, true,
       %(began)s
FROM made WHERE n %% 10 <> 0;
INSERT INTO plans_subscription (customer_id, plan_id, anchor_on, starts_at, window_starts_at, next_billing_on,
                                calculate_at)
SELECT id, CASE WHEN n %% 3 = 0 THEN %(plus)s ELSE %(free)s END, %(began)s::date, %(began)s, %(began)s, NULL, NULL
FROM made;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE invoices_invoice DISABLE TRIGGER USER;
ALTER TABLE invoices_payment DISABLE TRIGGER USER;
INSERT INTO invoices_invoice (public_id, key, customer_id, seller_id, kind, status, number, currency, collection,
    billing_on, period_start, period_end, calculated_at, finalized_at, issued_on, due_on, subtotal, tax_label,
    tax_percent, tax, total, amount_paid, seller_party, customer_party, paid_at)
SELECT 'inv_staff_' || i, 'staff:' || i, m.id, %(seller)s, 'invoice', s.status, 'INV-' || lpad(i::text, 9, '0'),
       CASE WHEN i %% 5 = 0 THEN 'EUR' ELSE 'USD' END, 'automatic', s.on_day, s.on_day - 30, s.on_day, s.on_day,
       s.on_day, s.on_day, s.on_day + 14, 4900, 'VAT', 20, 980, 5880,
       CASE WHEN s.status = 'paid' THEN 5880 ELSE 0 END, '{}', '{}',
       CASE WHEN s.status = 'paid' THEN s.on_day END
FROM generate_series(1, %(invoices)s) i
JOIN made m ON m.n = 1 + i %% %(customers)s
CROSS JOIN LATERAL (SELECT
    %(today)s::date - (((%(invoices)s - i) * 1000::bigint) / %(invoices)s)::int AS on_day,
    CASE WHEN i %% 100 = 1 THEN 'void' WHEN i %% 100 = 2 THEN 'uncollectible' WHEN i %% 25 = 3 THEN 'open'
         ELSE 'paid' END AS status
) AS s;
INSERT INTO invoices_payment (public_id, key, invoice_id, customer_id, payment_method_id, gateway, gateway_id, amount,
    currency, status, decline_code, automatic, created_at, settled_at, checks, receipt_number, method, reference,
    received_on)
SELECT 'pay_staff_' || i.id, 'invoice:' || i.id || ':payment:1', i.id, i.customer_id, NULL,
       CASE WHEN i.id %% 20 = 0 THEN 'outside' ELSE 'sandbox' END, 'gw_' || i.id, i.total, i.currency,
       CASE WHEN i.status = 'paid' THEN 'succeeded' ELSE 'declined' END, '', true, i.billing_on, i.billing_on, 0,
       CASE WHEN i.status = 'paid' THEN 'R-' || i.id END, CASE WHEN i.id %% 20 = 0 THEN 'bank_transfer' ELSE '' END, '',
       CASE WHEN i.id %% 20 = 0 THEN i.billing_on END
FROM invoices_invoice i WHERE i.key LIKE 'staff:%%' ORDER BY i.billing_on, i.id;
ALTER TABLE invoices_invoice ENABLE TRIGGER USER;
ALTER TABLE invoices_payment ENABLE TRIGGER USER;
INSERT INTO accounts_auditentry (at, actor_id, customer_id, action, subject, before, after, reason)
SELECT i.billing_on, NULL, i.customer_id, 'finalize_invoice', 'invoice:' || i.id, '{}', '{}', ''
FROM invoices_invoice i WHERE i.key LIKE 'staff:%%' ORDER BY i.billing_on, i.id;
INSERT INTO accounts_notice (key, customer_id, template, "to", context, created_at, sent_at, attempts, last_error)
SELECT 'staff:' || i.id || ':issued', i.customer_id, 'invoice_issued', '[]', '{}', i.billing_on, i.billing_on, 1, ''
FROM invoices_invoice i WHERE i.key LIKE 'staff:%%' ORDER BY i.billing_on, i.id;
DROP TABLE made
"""
CUSTOMERS = """
INSERT INTO accounts_customer (key, name, currency, payment_policy, parked_at, parked_reason, gateway_customer,
                               created_at)
SELECT 'staff-' || n, 'Customer ' || n || ' Ltd', CASE WHEN n %% 5 = 0 THEN 'EUR' ELSE 'USD' END,
       CASE WHEN n %% 50 = 0 THEN 'managed_by_contract' ELSE 'optional' END,
       CASE WHEN n %% 1000 = 7 THEN %(began)s::timestamptz END, '', '', %(began)s
FROM generate_series(1, %(customers)s) n
"""
# So that pages answer wherever this runs: any host, no second factor, no manifest of collected files.
ANYWHERE: dict[str, Any] = {
    "ALLOWED_HOSTS": ["testserver"],
    "STAFF_MFA_REQUIRED": False,
    "SECURE_SSL_REDIRECT": False,
    "STORAGES": {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    },
}
LISTS = {
    "accounts_customer": (
        *("q=4242", "q=Customer+4242", "q=INV-00000424", "q=person4242", "plan=plus", "past_due=yes", "card=no"),
        *("parked_at__isempty=0", "payment_policy__exact=managed_by_contract"),
    ),
    "invoices_invoice": (
        *(
            "q=INV-000004242",
            "q=Customer+4242",
            "q=Ltd",
            "status__exact=past_due",
            "status__exact=void",
            "status__exact=processing",
        ),
        *("overdue=over-60", "kind__exact=credit_note", "currency=EUR", "billing_on_in={month}", "p={last}"),
    ),
    "invoices_payment": (
        "q=INV-000004242",
        "status__exact=declined",
        "gateway=outside",
        "currency=EUR",
        "created_at_in=7d",
    ),
    "accounts_auditentry": ("q=Customer+4242", "action=finalize_invoice", "at_in={month}"),
}
PAGES = ("index", "attention", "runs", "runs_parked")
TABS = (
    "customer",
    "customer_subscriptions",
    "customer_credits",
    "customer_invoices",
    "customer_usage",
    "customer_audit",
)


def measure_staff(*, customers: int, invoices: int, seller_id: int) -> Iterator[Measurement]:
    """Pages per second of every list of the rooms, of searches and filters in the long ones, and of a customer's tabs,
    each beside the floor asked for in turn with it."""
    fill(customers, invoices, seller_id)
    person = User.objects.create_superuser("bench@staff.example")
    with override_settings(**ANYWHERE):
        client = Client()
        client.force_login(person)
        for name, url in addresses(invoices):
            yield _pages(client, name, url, f"among {invoices:,} invoices of {customers:,} customers")


def fill(customers: int, invoices: int, seller_id: int) -> None:
    """The rows, as the verbs would leave them but for their lines; nothing here is checked by the books."""
    demo_catalogue(BEGAN)
    plans = dict(Plan.objects.filter(status="published").values_list("key", "pk"))
    values: dict[str, Any] = {
        "began": BEGAN, "today": now().date(), "customers": customers, "invoices": invoices, "seller": seller_id,
        "plus": plans["plus"], "free": plans["free"],
    }  # fmt: skip
    with connection.cursor() as cursor:
        for statement in (CUSTOMERS, *ROWS.split(";\n")):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE")


def addresses(invoices: int) -> Iterator[tuple[str, str]]:
    """(what, URL) of each page that is measured."""
    for name in PAGES:
        yield name, reverse(f"admin:{name}")
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label_lower):
        table = f"{model._meta.app_label}_{model._meta.model_name}"
        url = reverse(f"admin:{table}_changelist")
        yield table, url
        for query in LISTS.get(table, ()):
            asked = query.format(month=f"{now():%Y-%m}", last=min(invoices, REACH) // StaffTable.list_per_page)
            yield f"{table}?{asked}", f"{url}?{asked}"
    customer = Customer.objects.filter(pk__in=Invoice.objects.values("customer")).order_by("pk")[0]
    for tab in TABS:
        yield tab, reverse(f"admin:{tab}", args=[customer.key])


def _pages(client: Client, name: str, url: str, note: str) -> Measurement:
    """Medians, after a page of each to warm up."""
    floor_url = reverse("admin:billing")
    times: dict[str, list[float]] = {url: [], floor_url: []}
    for number in range(WARM_UPS + ROUNDS):
        for one, taken in times.items():
            took = seconds(lambda one=one: _get(client, one))  # type: ignore[misc]
            if number >= WARM_UPS:
                taken.append(took)
    took, floor = median(times[url]), median(times[floor_url])
    return Measurement(
        name, "pages/s", 1 / took, 1 / floor, "bare staff page", f"{took / floor:.1f} × the floor, {note}"
    )


def _get(client: Client, url: str) -> None:
    status = client.get(url).status_code
    if status != 200:
        raise RuntimeError(f"{url} answered {status}")
