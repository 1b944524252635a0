"""The customers of the simulated year: each is in the books and in a plain ledger, and does the same to both."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from accounts.models import BillingProfile, Customer, PaymentMethod
from accounts.services.make_default import make_default
from accounts.services.open_customer import open_customer
from billing_portal.demo_data import add_card
from billing_portal.simulation.market import PLANS, Market
from billing_portal.simulation.places import CURRENCIES, PLACES, START, add_tax_rates, use
from billing_portal.simulation.plain_ledger import Entry, PlainCustomer, Used, midnight
from billing_portal.simulation.plain_prices import PlainPlan
from invoices.models import Invoice, Seller
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from plans.exceptions import ChangeTooEarlyError, PastDueError
from plans.models import ChangeQuote, Plan, QuoteKind
from plans.scheduling import When
from plans.services.bill_start import bill_start
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.schedule_change import schedule_change
from plans.services.settle_start import settle_start
from plans.services.subscribe import subscribe

GOOD, DECLINES = "4242424242424242", "4000000000000341"
CLOCKS = (timedelta(days=45), timedelta(days=-170))  # ahead of the real present, and behind it


@dataclass
class Player:
    """`ahead`: how far a clock of their own is from the real present; `now`: where it stands."""

    number: int
    customer: Customer
    user: Any
    random: Random
    ledger: PlainCustomer
    keys: tuple[str, ...]
    by_contract: bool
    ahead: timedelta | None
    now: datetime
    declines: bool = False
    changes_left: int = 0
    ids: Any = field(default_factory=count)

    def at(self, real: datetime) -> datetime:
        """Their present at a real instant."""
        return real + (self.ahead or timedelta(0))

    def move_clock(self, real: datetime) -> datetime:
        self.now = max(self.now, self.at(real))
        if self.ahead is not None:
            Customer.objects.filter(pk=self.customer.pk).update(clock_at=self.now)
            self.customer.clock_at = self.now
        return self.now

    @property
    def documents(self) -> list[Entry]:
        """What the books have of them: issued and announced; a first payment that failed leaves a void invoice."""
        rows = Invoice.objects.filter(customer=self.customer).exclude(status="void")
        entries = rows.values_list("billing_on", "subtotal", "tax", "number")
        return sorted((on, subtotal, tax, number is not None) for on, subtotal, tax, number in entries)

    # -- usage

    def use(self, time: datetime) -> list[tuple[datetime, Used]]:
        return use(self.random, self.ids, time)

    # -- changes of plan

    def next_change(self) -> timedelta:
        """How long until the next one: the same day, any time, or in the days before a billing date."""
        random = self.random
        spell = self.ledger.spell
        if spell is not None and random.random() < 0.3:
            before = midnight(spell.next_billing) - timedelta(seconds=random.randrange(100 * 3_600))
            if before > self.now:
                return before - self.now
        gap = random.choice([timedelta(minutes=20), timedelta(hours=3), timedelta(days=1)] + [timedelta(days=27)] * 3)
        return gap + timedelta(seconds=random.randrange(int(2 * gap.total_seconds())), microseconds=random.randrange(9))

    def change(self, market: Market) -> str:
        """Cancel, subscribe, go from one paid plan to another, by themselves or by staff; what it was."""
        if self.random.random() < 0.2 and not self.ledger.plan:
            self.declines = not self.declines
            self.choose_card()
        plans = [market.plain[key] for key in self.keys]
        if self.by_contract or self.random.random() < 0.35:
            return self._ask_staff(market, plans)
        present = self.ledger.plan
        others = [plan for plan in plans if present is None or plan.key != present.key]
        wanted = self.random.choice([*others, *([None] if present else [])])
        if present and self.changes_left == 1:  # what comes late afterwards is for a follow-up invoice
            wanted = None
        if wanted is None:
            quote = make_quote(kind=QuoteKind.CANCEL, customer=self.customer, at=self.now, actor=self.user)
            cancel_subscription(quote=quote, at=self.now, actor=self.user)
        elif present is not None:
            quote = self._quote(QuoteKind.CHANGE, market.row(wanted))
            change_plan(quote=quote, at=self.now, actor=self.user)
        else:
            quote = self._quote(QuoteKind.SUBSCRIBE, market.row(wanted))
            if not self._subscribe(quote, wanted):
                return "declined"
        self.ledger.change(wanted, self.now)
        return str(quote.kind)

    def _quote(self, kind: QuoteKind, plan: Plan) -> ChangeQuote:
        """Whoever is past due pays first, with a good card."""
        values: dict[str, Any] = {"kind": kind, "customer": self.customer, "plan": plan}
        try:
            return make_quote(**values, at=self.now, actor=self.user)
        except PastDueError:
            self.pay()
            return make_quote(**values, at=self.now, actor=self.user)

    def _subscribe(self, quote: ChangeQuote, wanted: PlainPlan) -> bool:
        """A plan with fees in advance begins when the first of them is paid; whether it did."""
        if not quote.total:
            subscribe(quote=quote, at=self.now, actor=self.user)
            return True
        payment = bill_start(quote=quote, at=self.now, actor=self.user)
        if payment is not None:  # a kept credit does not pay for all of it
            submit_payment(payment_id=payment.pk, at=self.now)
        quote = settle_start(quote=quote, at=self.now, actor=self.user)
        if quote.opened is None and quote.invoice and quote.invoice.status != "void":
            self.ledger.fail_to_begin(wanted, self.now)
        return quote.opened is not None

    def _ask_staff(self, market: Market, plans: list[PlainPlan]) -> str:
        present, random = self.ledger.plan, self.random
        wanted = random.choice([plan for plan in (*plans, None) if plan != present])
        day = self.now.date()
        when: When = random.choice(
            ["now", "period_end", day + timedelta(days=random.randrange(1, 40)), day - timedelta(random.randrange(36))]
        )
        moment = self._moment(when)
        too_early = moment < midnight(day.replace(day=1)) or self.ledger.is_billed(moment)
        values: dict[str, Any] = {"plan": market.row(wanted), "when": when, "at": self.now, "actor": None}
        try:
            schedule_change(customer_id=self.customer.pk, reason="Agreed by phone", **values)
        except ChangeTooEarlyError:
            assert too_early, f"customer {self.number}: {when} at {self.now}"
            return "too early"
        assert not too_early, f"customer {self.number}: {when} at {self.now}"
        if moment > self.now:
            self.ledger.scheduled = (moment, wanted)
            return "schedule"
        self.ledger.change(wanted, moment)
        return "past" if moment < self.now else "staff"

    def _moment(self, when: When) -> datetime:
        if isinstance(when, date):
            began = self.ledger.since
            return began if when == began.date() and when <= self.now.date() else midnight(when)
        return self.now if when == "now" else self.ledger.period_end(self.now)

    # -- paying

    def choose_card(self) -> None:
        if not self.by_contract:
            last4 = (DECLINES if self.declines else GOOD)[-4:]
            card = PaymentMethod.objects.get(customer=self.customer, last4=last4)
            make_default(payment_method=card, at=self.now, actor=self.user)

    def pay(self) -> None:
        self.declines = False
        self.choose_card()
        for invoice in Invoice.objects.payable_kind().filter(customer=self.customer, status="open").order_by("pk"):
            payment = collect_payment(invoice_id=invoice.pk, at=self.now, actor=self.user, automatic=False)
            submit_payment(payment_id=payment.pk, at=self.now)


def players(numbers: list[int], seed: int, seller: Seller, user: Any) -> list[Player]:
    add_tax_rates(seller)
    return [_player(number, Random(f"{seed}/{number}"), user) for number in numbers]  # noqa: S311


def _player(number: int, random: Random, user: Any) -> Player:
    """Of every currency, place, kind of clock and card in turn."""
    customer = open_customer(name=f"Customer {number}", user=user, at=START, actor=None)
    country, tax_id, tax = PLACES[number % len(PLACES)]
    BillingProfile.objects.filter(customer=customer).update(country=country, tax_id=tax_id)
    ahead = CLOCKS[number // 6 % 2] if number % 6 == 5 else None
    began = START + (ahead or timedelta(0))
    open_default_subscription(customer_id=customer.pk, at=began, actor=None)
    for card in (GOOD, DECLINES):
        add_card(customer, user, card, began)
    by_contract = number % 9 == 8
    currency = "USD" if by_contract else CURRENCIES[number % len(CURRENCIES)]
    keys = tuple(plan.key for plan in PLANS if (plan.currency, plan.by_contract) == (currency, by_contract))
    return Player(number, customer, user, random, PlainCustomer(tax, began), keys, by_contract, ahead, began)
