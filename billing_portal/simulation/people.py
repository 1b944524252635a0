"""The customers of a chaos run: what each has, does in the browser, and uses – drawn from the seed and their number."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import count
from random import Random
from threading import Thread
from typing import Any, Final

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from accounts.backends import BACKEND
from accounts.gateways import get_gateway
from accounts.gateways.base import GatewayError
from accounts.models import BillingProfile, Customer, PaymentMethod, User
from accounts.recent import SESSION_KEY as CONFIRMED_AT
from accounts.services.open_customer import open_customer
from billing_portal.simulation.browser import Browser, Form, Page
from billing_portal.simulation.market import PLANS
from billing_portal.simulation.places import CURRENCIES, PLACES, use
from billing_portal.simulation.plain_ledger import Used
from billing_portal.simulation.plain_prices import Tax
from invoices.models import Invoice, Payment
from plans.models import Subscription
from plans.services.open_default_subscription import open_default_subscription

GOOD: Final = "4242424242424242"
# How the first card of a customer behaves; the next one is good.
CARDS: Final = (
    GOOD,
    "5555555555554444",
    "4000000000000341",  # declined when charged
    "4000000000000119",  # charged, and the answer lost
    GOOD,
    "4000000000003063",  # the bank wants a confirmation
    "4000000000000101",  # times out, nothing is charged
)
# Card processors charge dinars to ten fils only, and prices in dinars go to the last one.
CHARGEABLE: Final = tuple(currency for currency in CURRENCIES if currency != "KWD")
WAVE: Final = 3  # visits, and so most billing dates, fall on every third day: many at once, and days with a run alone
RARER: Final = 45  # days of a run from which on visits get rarer: each comes two or three times, however long it is
OVERVIEW: Final = "/settings/billing/"
PORTAL: Final = "/settings/billing/portal/"
CREDITS: Final = "/settings/billing/credits/"
SAVERS: Final = 10  # every so manieth takes no plan and buys credit instead
PLAN: Final = "/settings/billing/plan/"
CARD: Final = {"expiry": "12 / 45", "cvc": "123"}


@dataclass
class Person:
    """`received`: what they used, with when it arrived; `done`: what became of each thing they did; `told`: the quotes
    that the browser said are carried out."""

    number: int
    customer: Customer
    user: User
    tax: Tax
    random: Random
    browser: Browser
    keys: tuple[str, ...]
    began: datetime
    done: Counter[str]
    cards: list[str]
    act_days: set[int] = field(default_factory=set)
    received: list[tuple[datetime, Used]] = field(default_factory=list)
    arrived: list[tuple[datetime, Used]] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    just_arrived: list[Used] = field(default_factory=list)
    ids: Any = field(default_factory=count)

    def act(self) -> None:
        """One visit: pay what is unpaid, then one thing more."""
        if self.random.random() < 0.5:
            self.confirm_with_bank()
        if self.unpaid().exists() and self.random.random() < 0.7:
            self.pay_twice_at_once()
        if self.number % SAVERS == SAVERS - 1:
            self.buy_credits()
            return
        plan = self.current_plan()
        chance = self.random.random()
        if plan is None or chance < 0.45:
            self.take_plan(self.random.choice([key for key in self.keys if key != plan]))
        elif chance < 0.65:
            self.cancel()
        else:
            self.add_card(default=True)

    def current_plan(self) -> str | None:
        spell = Subscription.objects.open().select_related("plan").get(customer=self.customer)
        return None if spell.plan.is_default else spell.plan.key

    def unpaid(self) -> Any:
        return Invoice.objects.payable_kind().filter(customer=self.customer, status="open")

    # -- in the browser

    def take_plan(self, key: str) -> None:
        """Preview, confirm, and the card page where one is missing."""
        page = self.browser.get(f"{PLAN}{key}/")
        form = page.form(has="quote")
        if form is None:  # past due, or a start is pending: the portal says so
            self.note("turned away")
            return
        page = self.browser.send(form)
        if (adding := page.form(to="/payment-methods/add/")) is not None:
            page = self.type_card(self.browser.send(adding))
        if page.status == 409 and (again := page.form(has="quote")) is not None:
            self.note("stale")
            form, page = again, self.browser.send(again)
        self.hear(page, form, "plan taken", "plan not taken")

    def type_card(self, page: Page) -> Page:
        form = page.form(has="number")
        number = self.cards.pop(0) if self.cards else GOOD
        return self.browser.send(form, number=number, **CARD) if form else page

    def cancel(self) -> None:
        form = self.browser.get(f"{PLAN}cancel/").form(has="quote")
        if form is None:
            self.note("nothing to cancel")
            return
        page = self.browser.send(form)
        if page.status == 409 and (again := page.form(has="quote")) is not None:
            form, page = again, self.browser.send(again)
        self.hear(page, form, "cancelled", "not cancelled")

    def hear(self, page: Page, form: Form, done: str, not_done: str) -> None:
        """The page that says what came of a quote."""
        is_done = page.url.endswith(OVERVIEW) and page.status == HTTPStatus.OK
        self.note(done if is_done else not_done)
        if is_done:
            self.told.add(form.fields["quote"])

    def add_card(self, *, default: bool) -> None:
        adding = self.browser.get(f"{PORTAL}payment-methods/add/").form(to="/payment-methods/add/")
        if adding is None:
            return
        self.type_card(self.browser.send(adding, **({"make_default": "on"} if default else {})))
        self.note("card added")

    def make_good_card_default(self) -> None:
        """Whatever comes to rest comes to rest with a card that works."""
        good = PaymentMethod.objects.filter(customer=self.customer, deleted_at=None, last4=GOOD[-4:]).first()
        if good is None:
            self.cards = [GOOD]
            self.add_card(default=True)
        elif not good.is_default:
            page = self.browser.get(PORTAL)
            form = page.form(to=f"/{good.key}/default/")
            if form is not None:
                self.browser.send(form)

    def buy_credits(self) -> None:
        """By hand, in two tabs at once; and by a rule, which is switched on again where a decline has ended it."""
        page = self.browser.get(f"{CREDITS}buy/review/?amount={self.random.randrange(20, 90)}")
        if (form := page.form(has="number")) is not None:
            self.in_two_tabs(form)
            self.note("credits bought")
        page = self.browser.get(f"{CREDITS}top-up/")
        rule = page.form(has="threshold")
        if rule is not None and "Switch off" not in page.text:
            page = self.browser.send(rule, threshold="100000", amount="20", ceiling="90")
            if page.form(to="/payment-methods/add/"):
                self.add_card(default=True)
                page = self.browser.send(rule, threshold="100000", amount="20", ceiling="90")
            self.note("top-up switched on" if "Switch off" in page.text else "top-up not switched on")

    def pay_twice_at_once(self) -> None:
        """«Pay» in two tabs in the same moment."""
        invoice = self.unpaid().order_by("pk").first()
        page = self.browser.get(f"/settings/billing/invoices/{invoice.public_id}/")
        form = page.form(to="/pay/")
        if form is None:  # paid or being paid meanwhile, or there is no card
            self.note("nothing to pay")
            return
        self.in_two_tabs(form)
        self.note("paid twice at once")

    def in_two_tabs(self, form: Form) -> None:
        clicks = [Thread(target=self.browser.send, args=(form,)) for _ in range(2)]
        for click in clicks:
            click.start()
        for click in clicks:
            click.join()

    def confirm_with_bank(self) -> None:
        """On the bank's page, for those who get to it; what nobody confirms is given up."""
        waiting = Payment.objects.filter(customer=self.customer, status="needs_confirmation").first()
        if waiting is None:
            return
        try:
            url = get_gateway(waiting.gateway).confirmation_url(waiting.gateway_id, return_url=self.browser.base)
        except GatewayError:
            url = None
        form = self.browser.get(url).form() if url else None
        if form is not None:
            self.browser.send(form, answer="confirm")
            self.note("confirmed with the bank")

    def note(self, what: str) -> None:
        self.done[what] += 1

    # -- usage

    def arrive(self, at: datetime, used: list[Used]) -> None:
        self.just_arrived = used
        self.arrived.extend((at, one) for one in used)

    def plan_use(self, at: datetime) -> None:
        self.received.extend(use(self.random, self.ids, at))


def people(count_: int, seed: str, *, base: str, start: datetime, days: int) -> list[Person]:
    requests, done = Counter[str](), Counter[str]()
    return [_person(number, seed, base, start, days, requests, done) for number in range(count_)]


def _person(
    number: int, seed: str, base: str, start: datetime, days: int, requests: Counter[str], done: Counter[str]
) -> Person:
    random = Random(f"{seed}/{number}")
    user = User.objects.create_user(f"person-{number}@example.com", first_name=f"Person {number}")
    customer = open_customer(name=f"Customer {number}", user=user, at=start, actor=None)
    country, tax_id, tax = PLACES[number % len(PLACES)]
    address = {"line1": "1 Street", "city": "City", "postal_code": "1000", "country": country, "tax_id": tax_id}
    BillingProfile.objects.filter(customer=customer).update(**address)
    open_default_subscription(customer_id=customer.pk, at=start, actor=None)
    currency = CHARGEABLE[number % len(CHARGEABLE)]
    keys = tuple(plan.key for plan in PLANS if plan.currency == currency and not plan.by_contract)
    browser = Browser(base, requests)
    browser.cookies[base.removeprefix("http://")] = {"sessionid": session_of(user), "csrftoken": f"{number:032d}"}
    person = Person(number, customer, user, tax, random, browser, keys, start, done, [CARDS[number % len(CARDS)]])
    day = random.randrange(20)
    while day < days:
        person.act_days.add(day - day % WAVE)
        day += random.randrange(12, 50) * max(1, days // RARER)
    for _ in range(days // 5):
        person.plan_use(start + timedelta(seconds=random.randrange(days * 86_400)))
    return person


def session_of(user: User) -> str:
    store = SessionStore()
    store[SESSION_KEY], store[BACKEND_SESSION_KEY] = str(user.pk), BACKEND
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store[CONFIRMED_AT] = sys.maxsize  # a run takes longer than a confirmation lasts, and nobody types a password
    store.create()
    return str(store.session_key)
