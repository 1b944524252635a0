"""Whether the month's draft is issued early or not: whatever becomes of the plan, the customer is billed the same.

Two customers live the same days; only of one the draft is issued as soon as it is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any

import pytest
from django.db.models import Sum

import credits.books
import invoices.books
import plans.books
import usage.books
from accounts.models import Customer
from accounts.services.update_billing_profile import update_billing_profile
from core.tests.recorded import Recorded
from credits.tests.cast import grant
from invoices.models import Invoice, InvoiceLine
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_early import issue_early
from plans.models import Plan, Subscription
from plans.seed import Catalogue
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.tests.conftest import cancel_quote, change_quote, go_plus, new_plan, pay, send, tokens_card

CALCULATED = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
ISSUED = CALCULATED + timedelta(hours=1)
BILLED = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
AFTER = datetime(2026, 12, 20, 0, 5, tzinfo=UTC)
INSTANTS = [
    CALCULATED + timedelta(hours=2),
    datetime(2026, 11, 18, 9, 30, tzinfo=UTC),
    datetime(2026, 11, 19, 23, 59, tzinfo=UTC),
    datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
]
Pair = tuple[Customer, Customer]


@pytest.fixture
def pair(customer: Customer, other_customer: Customer, seller: object, catalogue: object) -> Iterator[Pair]:
    """(of whom the draft is issued early, of whom it is not); afterwards the books must hold."""
    yield customer, other_customer
    rooms = (usage.books, credits.books, invoices.books, plans.books)
    assert list(chain.from_iterable(room.check() for room in rooms)) == []


def arrears(at: datetime) -> Plan:
    card = tokens_card("2.00", free_units=10_000, minimum_amount=30)
    return new_plan("pro", fee=9_900, at=at, cards=[card])


def advance(at: datetime) -> Plan:
    return new_plan("ahead", fee=7_700, timing="in_advance", at=at, cards=[tokens_card("2.00")])


PLANS = {"arrears": arrears, "advance": advance}


def settle(customer: Customer, at: datetime) -> None:
    for invoice in Invoice.objects.filter(customer=customer, status="open", kind="invoice"):
        pay(invoice, at)


def move(customer: Customer, plan: Plan, at: datetime) -> None:
    settle(customer, at)
    change_plan(quote=change_quote(customer, plan, at), at=at, actor=None)


@dataclass(frozen=True)
class Story:
    """Until the draft of 20 Nov is made and one of the two is issued; what comes after is the test's."""

    at: datetime
    plan: str = ""  # one of PLANS, else Plus
    late: int = 0
    granted: int = 0
    country: str = ""

    def live(self, pair: Pair, catalogue: Catalogue) -> None:
        for one in pair:
            if self.country:
                update_billing_profile(customer_id=one.pk, values={"country": self.country}, at=self.at, actor=None)
        begin(pair, catalogue, self.at, PLANS[self.plan](self.at) if self.plan else None)
        for one in pair:
            if self.granted:
                grant(one, self.granted, self.at + timedelta(days=2))
        calculate(pair, late=self.late)


@cache
def _lived(story: Story) -> Recorded[None]:
    return Recorded(story.live)


def live(pair: Pair, catalogue: Catalogue, at: datetime, plan: str = "", **values: Any) -> None:
    _lived(Story(at, plan, **values)).again(pair, catalogue)


def begin(pair: Pair, catalogue: Catalogue, at: datetime, plan: Plan | None = None) -> None:
    """On Plus since 20 Oct, or on another plan since the day after, and some usage."""
    for one in pair:
        go_plus(one, catalogue, at)
        if plan is not None:
            move(one, plan, at + timedelta(days=1))
        send(one, at + timedelta(days=5), requests=7, tokens=3_333_333)


def calculate(pair: Pair, *, late: int = 0) -> None:
    """The draft of 20 Nov is made; one of them is issued. Then comes usage, some of it of the window before."""
    for one in pair:
        ids = list(Subscription.objects.open().filter(customer=one).values_list("pk", flat=True))
        [draft] = calculate_charges(subscription_ids=ids, at=CALCULATED)
        if one == pair[0]:
            issue_early(invoice_id=draft.pk, total=draft.total, at=ISSUED, reason="Test")
        send(one, ISSUED + timedelta(minutes=10), requests=3, tokens=777_777)
        if late:
            send(one, CALCULATED - timedelta(days=4), tokens=late, received=ISSUED + timedelta(minutes=20))


def bill(pair: Pair, at: datetime) -> None:
    """The run of the billing date, where it has come."""
    if at >= BILLED:
        for one in pair:
            drafts = Invoice.objects.filter(customer=one, status="draft", billing_on__lte=at.date())
            finalize_invoices(invoice_ids=list(drafts.values_list("pk", flat=True)), at=BILLED)


def billed(customer: Customer) -> dict[str, int]:
    """What all documents say together: the lines' gross, and what of it is money."""
    lines = InvoiceLine.objects.filter(customer=customer, invoice__number__isnull=False)
    sums = lines.aggregate(gross=Sum("amount"), credits=Sum("credits"))
    return {"gross": sums["gross"], "money": sums["gross"] - sums["credits"]}


def totals(customer: Customer) -> int:
    return sum(Invoice.objects.filter(customer=customer, number__isnull=False).values_list("total", flat=True))


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
@pytest.mark.parametrize("late", [0, 1_234_567])
def test_cancelling_bills_the_same(pair, catalogue, at, instant, late):
    live(pair, catalogue, at, late=late)
    bill(pair, instant)
    for one in pair:
        cancel_subscription(quote=cancel_quote(one, instant), at=instant, actor=None)
    early, usual = pair
    assert Invoice.objects.filter(customer=early, number__isnull=False).count() == 2
    assert billed(early) == billed(usual)
    assert totals(early) == totals(usual)


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
@pytest.mark.parametrize("first", ["arrears", "advance"])
@pytest.mark.parametrize("second", ["arrears", "advance"])
def test_changing_the_plan_bills_the_same(pair, catalogue, at, instant, first, second):
    live(pair, catalogue, at, first, late=55_555)
    bill(pair, instant)
    to = catalogue.plus if first == second else PLANS[second](at)
    for one in pair:
        move(one, to, instant)
    early, usual = pair
    assert billed(early) == billed(usual)
    assert totals(early) == totals(usual)


@pytest.mark.parametrize("first", ["arrears", "advance"])
def test_staying_bills_the_same(pair, catalogue, at, first):
    live(pair, catalogue, at, first, late=55_555)
    bill(pair, BILLED)
    for one in pair:
        ids = list(Subscription.objects.open().filter(customer=one).values_list("pk", flat=True))
        [draft] = calculate_charges(subscription_ids=ids, at=datetime(2026, 12, 17, 1, 5, tzinfo=UTC))
        finalize_invoices(invoice_ids=[draft.pk], at=AFTER)
    assert billed(pair[0]) == billed(pair[1])


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
@pytest.mark.parametrize("first", ["arrears", "advance"])
def test_cancelling_bills_the_same_where_credit_pays_a_part(pair, catalogue, at, instant, first):
    live(pair, catalogue, at, first, granted=3_000)
    bill(pair, instant)
    for one in pair:
        cancel_subscription(quote=cancel_quote(one, instant), at=instant, actor=None)
    assert billed(pair[0]) == billed(pair[1])


@pytest.mark.parametrize("instant", INSTANTS, ids=str)
def test_tax_is_rounded_once_per_document(pair, catalogue, at, instant):
    """So two documents may round to one cent more or less than one does; what is taxed is the same."""
    live(pair, catalogue, at, late=1_234_567, country="FR")
    bill(pair, instant)
    for one in pair:
        cancel_subscription(quote=cancel_quote(one, instant), at=instant, actor=None)
    early, usual = pair
    assert billed(early) == billed(usual)
    assert abs(totals(early) - totals(usual)) <= 1
