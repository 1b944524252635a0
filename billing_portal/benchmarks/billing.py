"""The monthly calculation of many customers against set-based SQL that comes to the same totals."""

from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from billing_portal.benchmarks.measure import Measurement, peak_memory, seconds
from billing_portal.billing_run import BATCH, RunReport, bill_due
from core.periods import calculation_instant
from plans.models import Plan, PriceModel, RateCard
from plans.services.publish_plan import publish_plan
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter

ANCHOR = datetime(2026, 3, 10, tzinfo=UTC)
BILLING_ON = date(2026, 4, 10)
METERS = ("requests", "tokens", "storage")
DAYS = 28

CUSTOMERS = """
INSERT INTO accounts_customer (key, name, currency, payment_policy, parked_reason, gateway_customer, created_at)
SELECT 'bench-' || n, 'Bench ' || n, '', 'optional', '', '', %(at)s FROM generate_series(1, %(customers)s) n
"""
PROFILES = """
INSERT INTO accounts_billingprofile (customer_id, legal_name, line1, line2, postal_code, city, region, country, tax_id,
                                     po_number, recipients, updated_at)
SELECT id, name, '1 Street', '', '', 'City', '', 'FR', '', '', '["bench@example.com"]', %(at)s FROM accounts_customer
"""
SUBSCRIPTIONS = """
INSERT INTO plans_subscription (customer_id, plan_id, anchor_on, starts_at, window_starts_at, next_billing_on,
                                calculate_at)
SELECT id, %(plan)s, %(anchor)s, %(at)s, %(at)s, %(billing_on)s, %(calculate_at)s FROM accounts_customer
"""
USAGE = """
INSERT INTO usage_usagehour (customer_id, feature_id, hour, quantity, events, touched_at)
SELECT c.id, f.id, %(at)s::timestamptz + day * interval '1 day', (c.id * 37 + f.id * 11 + day * 101) %% 9000, 10, %(at)s
FROM accounts_customer c, usage_feature f, generate_series(0, %(days)s - 1) day
"""
FLOOR_TABLES = """
CREATE TABLE floor_invoice (LIKE invoices_invoice INCLUDING ALL);
CREATE TABLE floor_line (LIKE invoices_invoiceline INCLUDING ALL)
"""
FLOOR = """
WITH quantities AS (
    SELECT s.id AS subscription_id, s.customer_id, r.id AS card_id, coalesce(sum(h.quantity), 0) AS quantity
    FROM plans_subscription s
    JOIN plans_ratecard r ON r.plan_id = s.plan_id AND r.model = 'unit'
    LEFT JOIN usage_usagehour h ON h.customer_id = s.customer_id AND h.feature_id = r.feature_id
        AND h.hour >= s.window_starts_at AND h.hour < s.calculate_at
    GROUP BY 1, 2, 3
), lines AS (
    SELECT s.customer_id, s.id AS subscription_id, r.key, 'fee' AS kind, 1 AS quantity, NULL::numeric AS unit_amount,
           r.amount AS amount
    FROM plans_subscription s JOIN plans_ratecard r ON r.plan_id = s.plan_id AND r.model = 'flat'
    UNION ALL
    SELECT q.customer_id, q.subscription_id, r.key, 'usage', q.quantity, r.unit_amount,
           round(greatest(q.quantity - r.free_units, 0) * r.unit_amount / r.per_units * 100)::bigint
    FROM quantities q JOIN plans_ratecard r ON r.id = q.card_id
), invoices AS (
    INSERT INTO floor_invoice (public_id, key, customer_id, seller_id, status, currency, collection, billing_on,
        period_start, period_end, calculated_at, subtotal, tax_label, tax_percent, tax, total, amount_paid,
        seller_party, customer_party)
    SELECT 'inv_' || customer_id, 'subscription:' || subscription_id, customer_id, %(seller)s, 'draft', 'USD',
           'automatic', %(billing_on)s, %(anchor)s, %(billing_on)s, %(at)s, sum(amount), 'VAT', 20,
           round(sum(amount) * 0.2), sum(amount) + round(sum(amount) * 0.2), 0, '{}', '{}'
    FROM lines GROUP BY customer_id, subscription_id
    RETURNING id, customer_id
)
INSERT INTO floor_line (key, customer_id, invoice_id, position, kind, currency, title, detail, starts_at, ends_at,
    feature_key, quantity, unit_amount, per_units, amount, explain)
SELECT l.subscription_id || ':' || l.key, l.customer_id, i.id, 0, l.kind, 'USD', l.key, '', %(at)s, %(at)s, '',
       l.quantity, l.unit_amount, 1, l.amount, '{}'
FROM lines l JOIN invoices i USING (customer_id)
"""


def measure_billing(*, customers: int, seller_id: int) -> Measurement:
    """Invoices per second of `calculate_charges` for customers with 3 meters and daily usage."""
    values = prepare(customers, seller_id)
    with connection.cursor() as cursor:
        cursor.execute(FLOOR_TABLES)
        floor = seconds(lambda: cursor.execute(FLOOR, values))
        before = peak_memory()
        report = RunReport(at="")
        at = calculation_instant(BILLING_ON).replace(hour=2)
        took = seconds(lambda: bill_due(at=at, report=report))
        cursor.execute("SELECT count(*), sum(total) FROM floor_invoice")
        expected = cursor.fetchone()
        cursor.execute("SELECT count(*), sum(total) FROM invoices_invoice WHERE status = 'draft'")
        if cursor.fetchone() != expected:
            raise RuntimeError("the run and its floor come to different totals")
    note = f"batches of {BATCH}, memory +{peak_memory() - before:,.0f} MB over {customers:,} customers"
    return Measurement(
        "billing run", "invoices/s", customers / took, customers / floor, "set-based SQL, same totals", note
    )


def prepare(customers: int, seller_id: int) -> dict[str, Any]:
    plan = Plan.objects.create(key="bench", name="Bench", currency="USD")
    RateCard.objects.create(plan=plan, key="fee", name="Monthly fee", model=PriceModel.FLAT, amount=4900)
    for position, key in enumerate(METERS, 1):
        meter = define_meter(key=key, name=key, event_type=f"bench.{key}", aggregation="count", at=ANCHOR, actor=None)
        feature = define_feature(
            key=key, name=key, meter=meter, unit="unit", unit_plural="units", at=ANCHOR, actor=None
        )
        RateCard.objects.create(
            plan=plan, key=key, name=key, position=position, feature_id=feature.pk, model=PriceModel.UNIT,
            unit_amount="1.25", per_units=1000, free_units=10_000,
        )  # fmt: skip
    publish_plan(plan=plan, at=ANCHOR, actor=None)
    values: dict[str, Any] = {
        "at": ANCHOR, "customers": customers, "plan": plan.pk, "anchor": ANCHOR.date(), "billing_on": BILLING_ON,
        "calculate_at": calculation_instant(BILLING_ON), "days": DAYS, "seller": seller_id,
    }  # fmt: skip
    with connection.cursor() as cursor:
        for statement in (CUSTOMERS, PROFILES, SUBSCRIPTIONS, USAGE):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE")
    return values
