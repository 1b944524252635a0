"""Staff's labels, letter by letter, where they are looked for."""

import re
from html import unescape

import pytest
from django.urls import reverse

from core import clock
from plans.services.copy_plan import copy_plan
from plans.services.open_default_subscription import open_default_subscription

pytestmark = pytest.mark.django_db

LABELS = [
    ("Metering & Billing", "index"),
    ("Product Catalog", "index"),
    ("Billing", "index"),
    ("Plans", "product_catalog"),
    ("Features", "product_catalog"),
    ("Meters", "product_catalog"),
    ("New plan", "plans_plan_changelist"),
    ("Plans", "plans_plan_changelist"),
    ("Active subscriptions", "plans_plan_changelist"),
    ("Settlement mode", "plans_plan_changelist"),
    ("Billing", "plans_plan_add"),
    ("Currency", "plans_plan_add"),
    ("Settlement mode", "plans_plan_add"),
    ("Credits then invoice", "plans_plan_add"),
    ("Credits only", "plans_plan_add"),
    ("No invoices. If credits run out the balance goes negative.", "plans_plan_add"),
    ("Add Rate Card", "plans_plan_add"),
    ("Add Rate Card", "plans_plan_change"),
    ("Publish Plan", "plans_plan_change"),
    ("Publish Plan", "plans_plan_publish"),
    ("Usage based", "plans_plan_card_add"),
    ("Price per unit", "plans_plan_card_add"),
    ("Preview", "plans_plan_card_add"),
    ("Customers", "billing"),
    ("Subscriptions", "billing"),
    ("Invoices", "billing"),
    ("Contact requests", "billing"),
    ("Create Customer", "accounts_customer_changelist"),
    ("Create Customer", "customer_add"),
    ("Name", "customer_add"),
    ("Consumer", "customer_add"),
    ("Application", "customer_add"),
    ("Subject", "customer_add"),
    ("Save", "customer_add"),
    ("Overview", "customer"),
    ("Subscriptions", "customer"),
    ("Credits", "customer"),
    ("Invoices", "customer"),
    ("Usage", "customer"),
    ("Audit", "customer"),
    ("Grant Credits", "customer_credits"),
    ("Transaction History", "customer_credits"),
    ("New credit grant", "customer_credits_grant"),
    ("Grant", "customer_credits_grant"),
    ("Credit amount", "customer_credits_grant"),
    ("Charge", "customer_credits_grant"),
    ("Promotional / Free", "customer_credits_grant"),
    ("Credit availability", "customer_credits_grant"),
    ("Available immediately on grant", "customer_credits_grant"),
    ("Policies", "customer_credits_grant"),
    ("Credit draw-down order", "customer_credits_grant"),
    ("Next", "customer_credits_grant"),
    ("Immediately", "customer_subscriptions_add"),
    ("At the end of the billing period", "customer_subscriptions_add"),
    ("Save", "customer_subscriptions_add"),
]


@pytest.mark.parametrize(("label", "page"), LABELS)
def test_staff_find(label, page, as_clerk, clerk, customer, catalogue, at):
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=clerk)
    open_default_subscription(customer_id=customer.pk, at=at, actor=clerk)
    with_plan = ("plans_plan_change", "plans_plan_publish", "plans_plan_card_add")
    with_customer = ("customer", "customer_subscriptions_add", "customer_credits", "customer_credits_grant")
    args = [draft.pk] if page in with_plan else [customer.key] if page in with_customer else []
    with clock.travel_to(at):
        text = unescape(as_clerk.get(reverse(f"admin:{page}", args=args)).text)
    assert re.search(rf">\s*{re.escape(label)}\s*<", text)


def test_the_role_has_its_name(trainee, clerk, log_in):
    page = unescape(log_in(trainee).get(reverse("admin:billing")).text)
    assert "Metering & Billing Admin" in page
