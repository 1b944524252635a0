"""Grants, charges and readings in one line, for tests of this room and above."""

from datetime import timedelta
from itertools import count

from credits.charges import ChargeDraft, CorrectionDraft
from credits.grants import GrantDraft
from credits.models import CreditBalance, CreditGrant, LedgerEntry, LedgerTransaction
from credits.services.correct_draw_down import correct_draw_down
from credits.services.draw_down_credits import draw_down_credits
from credits.services.grant_credits import grant_credits

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
numbers = count(1)


def grant(customer, amount, at, *, actor=None, **facts):
    facts = {"currency": "USD", "funding": "promotional", "name": "Welcome", **facts}
    facts.setdefault("key", f"test:grant:{next(numbers)}")
    return grant_credits(grant=GrantDraft(customer_id=customer.pk, amount=amount, **facts), at=at, actor=actor)


def charge_draft(customer, amount, at, **facts):
    key = facts.pop("key", None) or f"test:charge:{next(numbers)}"
    facts = {
        "group": key, "currency": "USD", "feature_key": "", "may_overdraw": True, "is_final": True, "title": "Usage",
        **facts,
    }  # fmt: skip
    return ChargeDraft(key=key, customer_id=customer.pk, amount=amount, booked_at=at, **facts)


def use(customer, amount, at, *, now=None, **facts):
    """Draw a charge down; what became of it."""
    draft = charge_draft(customer, amount, at, **facts)
    return draw_down_credits(charges=[draft], at=now or at)[draft.key]


def correct(customer, group, amount, at, *, key=None):
    key = key or f"test:correction:{next(numbers)}"
    draft = CorrectionDraft(key=key, customer_id=customer.pk, group=group, amount=amount, description="Corrected")
    return correct_draw_down(corrections=[draft], at=at)[key]


def history(customer, currency="USD"):
    """(kind, amount) of every transaction in the order booked."""
    rows = LedgerTransaction.objects.filter(customer=customer, currency=currency).order_by("sequence")
    return list(rows.values_list("kind", "amount"))


def entries(transaction_key):
    rows = LedgerEntry.objects.filter(transaction__key=transaction_key).order_by("position")
    return list(rows.values_list("account__kind", "amount"))


def standing(customer, currency="USD"):
    """Settled and overdraft, as projected."""
    row = CreditBalance.objects.get(customer=customer, currency=currency)
    return row.settled, row.overdraft


def left(grant):
    return CreditGrant.objects.get(pk=grant.pk)
