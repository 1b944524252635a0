"""Automatic top-up: which rules are due, what they have spent, and what stops them. Minor units."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.translation import gettext

from accounts.models import Customer, PaymentMethod, PaymentPolicy
from accounts.selectors import present_in_sql
from core import formats
from core.due import Due, only
from core.periods import midnight
from core.questions import DueQuestion, Given, Question
from credits.selectors import balance, balances_of
from invoices.buying import check_amount, sale_totals, sold_grant
from invoices.exceptions import ManagedByContractError, TopUpRuleError
from invoices.models import UNRESOLVED, CreditSale, InvoiceStatus, Payment, PaymentStatus, TopUpRule
from invoices.sold_lines import sale_key

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class TopUpTerms:
    """What the customer agrees to: below `threshold` available, buy `amount`, and charge at most `ceiling` a month."""

    currency: str
    threshold: int
    amount: int
    ceiling: int


def check_terms(customer: Customer, terms: TopUpTerms, at: datetime) -> None:
    """Raises ManagedByContractError, SaleAmountError, TopUpRuleError."""
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(f"customer {customer.pk} buys by contract")
    check_amount(terms.amount, terms.currency)
    if terms.threshold < 0:
        raise TopUpRuleError(f"threshold {terms.threshold}", message=gettext("Enter a balance of zero or more."))
    total = one_purchase(customer.pk, terms, at)
    if terms.ceiling < total:
        once = formats.money(total, terms.currency)
        message = gettext("One top-up charges %(amount)s with tax: allow at least that much a month.")
        raise TopUpRuleError(f"ceiling {terms.ceiling}, one is {total}", message=message % {"amount": once})


def one_purchase(customer_id: int, terms: "TopUpTerms | TopUpRule", at: datetime) -> int:
    """What buying once charges now, tax included."""
    return sale_totals(sold_grant("preview", customer_id, terms.currency, terms.amount, at), at).total


def rule_key(rule: TopUpRule) -> str:
    """Of its next sale."""
    return sale_key(rule.customer_id, "top-up", rule.pk, rule.bought + 1)


def rule_of(customer_id: int, currency: str) -> TopUpRule | None:
    """The customer's rule in a currency. One query."""
    return TopUpRule.objects.filter(customer_id=customer_id, currency=currency).first()


def rules_of(customer_id: int) -> list[TopUpRule]:
    """All of a customer's, by currency. One query."""
    rows = TopUpRule.objects.filter(customer_id=customer_id).select_related("consented_by")
    return list(rows.order_by("currency"))


def sale_of(customer_id: int, grant_id: str) -> CreditSale | None:
    """What sold a customer's grant, by the grant's public id. One query."""
    return CreditSale.objects.select_related("invoice").filter(customer=customer_id, grant__public_id=grant_id).first()


def cooled_down(rule: TopUpRule, at: datetime) -> datetime:
    """From when it may buy: now, or when the cool-down after its newest purchase is over."""
    newest = CreditSale.objects.filter(rule=rule).order_by("-created_at").first() if rule.pk else None
    return max(at, newest.created_at + settings.TOP_UP_COOL_DOWN) if newest else at


def month_of(at: datetime) -> tuple[datetime, datetime]:
    """The UTC calendar month around an instant, half-open."""
    first = at.date().replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return midnight(first), midnight(following)


def spent(rule: TopUpRule, at: datetime) -> int:
    """What its purchases have charged in the month of `at`, or will; those that were given up do not count."""
    start, end = month_of(at)
    mine = CreditSale.objects.filter(rule=rule, created_at__gte=start, created_at__lt=end)
    kept = mine.exclude(invoice__status=InvoiceStatus.VOID)
    return int(kept.aggregate(sum=Sum("invoice__total", default=0))["sum"])


# --- what is due ------------------------------------------------------------------------------------------------------
def is_due(rule: TopUpRule, at: datetime) -> bool:
    """Whether it should buy now, all but the ceiling: on, cooled down, no contract, nothing unpaid, too little left."""
    if not rule.is_on or rule.next_at > at or rule.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        return False
    if _unpaid(rule.customer_id, rule.currency).exists():
        return False
    return balance(rule.customer_id, rule.currency, at).available < rule.threshold


def due_to_top_up(at: datetime, customer_id: int | None = None) -> list[Due]:
    """Rules that should buy, by the customer's own clock; who is parked, without a card or under contract waits."""
    return list(_low(_Ready(*row) for row in _ready.ask(at=at, customer_id=customer_id)))


class _Ready(NamedTuple):
    """A rule that buys now if there is less available than it wants."""

    id: int
    customer_id: int
    present: datetime
    currency: str
    threshold: int


@Question
def _ready(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    card = PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)
    unpaid = _unpaid(OuterRef("customer"), OuterRef("currency"))
    rows = _present(TopUpRule.objects.filter(Exists(card), ~Exists(unpaid), is_on=True, **only(customer_id)), at)
    own = rows.exclude(customer__payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    ready = own.filter(next_at__lte=F("present")).order_by("present", "pk")
    return ready.values_list("pk", "customer_id", "present", "currency", "threshold")


def _low(rules: Iterable[_Ready]) -> Iterator[Due]:
    """Those with less available than they want, a thousand balances at a time."""
    for present, group in groupby(rules, key=lambda rule: rule.present):
        while batch := list(islice(group, BATCH)):
            held = balances_of({rule.customer_id for rule in batch}, present)
            for rule in batch:
                own = (each.available for each in held.get(rule.customer_id, ()) if each.currency == rule.currency)
                if next(own, 0) < rule.threshold:
                    yield Due(rule.id, rule.customer_id, present)


@DueQuestion
def failed_top_ups(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    """Sales of rules whose one payment failed, or that no card could pay any more."""
    last = Payment.objects.filter(invoice=OuterRef("invoice")).order_by("-pk")
    card = PaymentMethod.objects.live().filter(customer=OuterRef("customer"), is_default=True)
    rows = CreditSale.objects.filter(
        rule__isnull=False, invoice__status=InvoiceStatus.OPEN, invoice__amount_paid=0, invoice__amount_credited=0,
        **only(customer_id),
    ).annotate(last_status=Subquery(last.values("status")[:1]))  # fmt: skip
    lost = Q(last_status=PaymentStatus.DECLINED)
    lost |= Q(last_status=PaymentStatus.CANCELED, invoice__collect_at__isnull=True)
    lost |= ~Exists(card) & (Q(last_status__isnull=True) | Q(last_status=PaymentStatus.CANCELED))
    found = _present(rows.filter(lost), at).order_by("present", "pk")
    return found.values_list("pk", "customer_id", "present")


@DueQuestion
def due_to_give_up(at: Given, customer_id: Given | None) -> "QuerySet[Any, Any]":
    """Purchases of which nothing is paid, nor is about to be, when their time is over."""
    unresolved = Payment.objects.filter(invoice=OuterRef("invoice"), status__in=UNRESOLVED)
    rows = CreditSale.objects.filter(
        ~Exists(unresolved), expires_at__isnull=False, invoice__status=InvoiceStatus.OPEN, invoice__amount_paid=0,
        invoice__amount_credited=0, **only(customer_id),
    )  # fmt: skip
    found = _present(rows, at).filter(expires_at__lte=F("present")).order_by("present", "pk")
    return found.values_list("pk", "customer_id", "present")


def _unpaid(customer: int | OuterRef, currency: str | OuterRef) -> "QuerySet[CreditSale]":
    """A customer's automatic purchases that are neither paid nor given up."""
    mine = CreditSale.objects.filter(customer=customer, rule__isnull=False, invoice__currency=currency)
    return mine.filter(invoice__status__in=(InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE))


def _present(rows: "QuerySet[Any]", at: Given) -> "QuerySet[Any]":
    """With each customer's own `present`; parked customers are left out."""
    present = present_in_sql(at)
    present_rows: QuerySet[Any] = rows.filter(customer__parked_at__isnull=True).annotate(present=present)
    return present_rows
