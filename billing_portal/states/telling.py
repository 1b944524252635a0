"""What stories are told with: a customer of their own, whose clock is moved by the real run.

A story is told once per database. Its person can log in from the last sentence on: the verified address is written
when everything has happened, so that a story that broke off is not taken for one that was told.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.urls import reverse

from accounts.gateways.sandbox import enter_test_card, set_sandbox_clock
from accounts.models import CardSetup, Customer, Role, User
from accounts.roles import METERING_AND_BILLING, role_group
from accounts.services.add_payment_method import add_payment_method
from accounts.services.invite_member import invite_member
from accounts.services.move_clock import move_clock
from accounts.services.open_customer import open_customer
from accounts.services.start_card_setup import start_card_setup
from accounts.services.start_clock import start_clock
from accounts.services.update_billing_profile import update_billing_profile
from billing_portal import clock_run
from billing_portal.demo_data import seed_seller
from core import clock
from credits.grants import GrantDraft
from credits.services.grant_credits import grant_credits
from invoices.models import Invoice, Seller
from plans.models import ChangeQuote, Plan, QuoteKind
from plans.seed import Catalogue, demo_catalogue
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.services.subscribe import subscribe
from usage.services.ingest_events import ingest_events

BEGIN = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
CALCULATED = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)
BILLED = datetime(2026, 11, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATIENCE = timedelta(minutes=10)
FIRST_LOOK = 120_000  # milliseconds for a browser, because the first look tells the story

VISA, MASTERCARD = "4242424242424242", "5555555555554444"
DECLINES, CONFIRMS, TIMES_OUT = "4000000000000341", "4000000000003063", "4000000000000101"
GOOD_UNTIL = date(2030, 4, 1)

COMPANY = "Harbour Analytics Ltd"
ADDRESS = {
    "legal_name": COMPANY,
    "line1": "4 Quai des Essais",
    "postal_code": "13002",
    "city": "Marseille",
    "country": "FR",
}
DOMAIN = "states.example"
STAFF = f"staff@{DOMAIN}"

Story = Callable[["Scene"], None]
STORIES: dict[str, Story] = {}


class NotToldError(Exception):
    """A story is being told right now, or broke off when it was."""


def story(tell: Story) -> Story:
    """Decorates a story; its name is the function's, with hyphens."""
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


@dataclass
class Scene:
    """A customer in the middle of a story, and what happens to them there."""

    name: str
    customer: Customer
    admin: User

    @property
    def now(self) -> datetime:
        """What the customer's clock shows; before there is one, the beginning of all stories."""
        return self.customer.clock_at or BEGIN

    def person(self, who: str) -> User:
        """`admin`, `viewer`, `member` – made when first asked for – or `staff`."""
        if who == "admin":
            return self.admin
        if who == "staff":
            return _staff()
        email = f"{who}@{self.name}.{DOMAIN}"
        role = Role.BILLING_VIEWER if who == "viewer" else Role.MEMBER
        found = User.objects.filter(email=email).first()
        if found is None:
            invite_member(customer_id=self.customer.pk, email=email, role=role, at=self.now, actor=self.admin)
            found = User.objects.get(email=email)
        return found

    # --- plans ---
    def on_free(self, at: datetime = BEGIN) -> None:
        open_default_subscription(customer_id=self.customer.pk, at=at, actor=self.admin)

    def on_plus(self, card: str = VISA, expires: date = GOOD_UNTIL, at: datetime = BEGIN) -> None:
        self.on_free(at)
        self.add_card(card, expires, at)
        quote = make_quote(customer=self.customer, plan=catalogue().plus, at=at, actor=self.admin)
        subscribe(quote=quote, at=at, actor=self.admin)

    # --- cards ---
    def visit_card_page(self, at: datetime = BEGIN) -> CardSetup:
        """Somebody goes to the processor's page; what they do there comes after."""
        start_card_setup(
            customer=self.customer,
            user=self.admin,
            next_url="",
            at=at,
            build_url=lambda path: f"http://localhost{path}",
            gateway="sandbox",
        )
        self.customer.refresh_from_db()
        return CardSetup.objects.filter(customer=self.customer).latest("pk")

    def add_card(self, number: str = VISA, expires: date = GOOD_UNTIL, at: datetime = BEGIN) -> None:
        setup = self.visit_card_page(at)
        enter_test_card(setup.gateway_id, number, expires)
        add_payment_method(setup_key=setup.key, at=at, actor=self.admin)

    # --- usage and credit ---
    def use(
        self,
        since: datetime,
        days: float,
        *,
        tokens: int = 4_000_000,
        requests: int = 60,
        received: datetime | None = None,
    ) -> None:
        """So many tokens and API requests a day; four calls of tokens a day, requests spread evenly. Received an hour
        after the last day, if not told."""
        calls = [
            self._event("ai.tokens", since + place * DAY / 4 + HOUR, {"tokens": tokens // 4 + place * 1_000})
            for place in range(int(days * 4))
        ]
        hits = [
            self._event("api.request", since + place * DAY / requests, {"route": ROUTES[place % 3], "status": 200})
            for place in range(int(days * requests))
        ]
        received = received or since + days * DAY + HOUR
        ingest_events(events=[*calls, *hits], token_customer_id=None, at=received)

    def take_back(self, used: datetime, tokens: int) -> None:
        """The call of then used so many tokens less, the customer says now."""
        event = self._event("ai.tokens", used, {"tokens": -tokens})
        event |= {"corrects": event["id"], "id": f"{event['id']}:less"}
        ingest_events(events=[event], token_customer_id=None, at=self.now)

    def _event(self, kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": f"{kind}:{at.isoformat()}",
            "source": "states",
            "type": kind,
            "subject": self.customer.key,
            "time": at.isoformat(),
            "data": data,
        }

    def give(self, amount: int, name: str, at: datetime = BEGIN, **values: Any) -> None:
        """Promotional credit, in minor units; the rest as in `GrantDraft`."""
        draft = GrantDraft(
            **{
                "key": f"states:{self.customer.key}:{name}",
                "customer_id": self.customer.pk,
                "currency": "USD",
                "amount": amount,
                "funding": "promotional",
                "name": name,
                "reason": "Sample",
                **values,
            }
        )
        grant_credits(grant=draft, at=at, actor=None)

    # --- time ---
    def stand_at(self, at: datetime) -> None:
        """From now on the customer's clock stands there."""
        self.customer = start_clock(customer_id=self.customer.pk, at=at, actor=self.admin)

    def move_to(self, until: datetime) -> None:
        """Everything on the way happens, by the real run. A clock that is not set begins a day before."""
        if self.customer.clock_at is None:
            self.stand_at(min(until - DAY, CALCULATED - HOUR))
        key = f"states:{self.customer.pk}:{until.isoformat()}"
        move = move_clock(
            customer_id=self.customer.pk, key=key, shown=self.now, until=until, at=clock.now(), actor=self.admin
        )
        clock_run.begin(move.pk, patience=PATIENCE)
        move.refresh_from_db()
        self.customer.refresh_from_db()
        if move.ended_at is None or move.stopped:
            raise NotToldError(f"the clock of {self.name} stopped at {self.now}: {move.stopped}")

    # --- what there is ---
    def invoice(self, number: int = 0) -> Invoice:
        """The first document, or another one in the order in which they were made."""
        return list(Invoice.objects.filter(customer=self.customer).order_by("pk"))[number]

    def quote(self, kind: QuoteKind) -> str:
        """The first of its kind, made when the story was told; pages that were looked at since made others."""
        return ChangeQuote.objects.filter(customer=self.customer, kind=kind).earliest("pk").public_id


ROUTES = ("/v1/chat", "/v1/embeddings", "/v1/models")


def catalogue() -> Catalogue:
    """The demo's plans and seller, made where they are missing."""
    if not Seller.objects.exists():
        seed_seller()
    made = demo_catalogue(BEGIN)
    return Catalogue(*(Plan.objects.with_cards().get(pk=plan.pk) for plan in made))


def tell(name: str) -> Scene:
    """The story of that name, told if it was not yet. KeyError for a name that nobody knows, NotToldError."""
    happens = STORIES[name]
    email = f"{name}@{DOMAIN}"
    found = User.objects.filter(email=email).first()
    if found is not None:
        if not EmailAddress.objects.filter(user=found, verified=True).exists():
            raise NotToldError(f"{name} is being told, or broke off: look again, or in a fresh database")
        return Scene(name, Customer.objects.get(memberships__user=found), found)
    catalogue()
    with _processor_at(BEGIN):
        scene = _begin(name, email)
        happens(scene)
    EmailAddress.objects.create(user=scene.admin, email=email, verified=True, primary=True)
    return scene


def _begin(name: str, email: str) -> Scene:
    user = User.objects.create_user(email, first_name="Robin", last_name="Harbour")
    customer = open_customer(name=COMPANY, user=user, at=BEGIN, actor=user)
    details = {**ADDRESS, "recipients": [email]}
    update_billing_profile(customer_id=customer.pk, values=details, at=BEGIN, actor=user)
    customer.refresh_from_db()
    return Scene(name, customer, user)


@contextmanager
def _processor_at(at: datetime) -> Iterator[None]:
    """The processor's calendar decides which cards have expired: it shows the story's day meanwhile."""
    set_sandbox_clock(at)
    try:
        yield
    finally:
        set_sandbox_clock(None)


def _staff() -> User:
    """Somebody who may do everything with customers' money and nothing with the log-ins of others."""
    found, is_new = User.objects.get_or_create(email=STAFF, defaults={"first_name": "Kim", "is_staff": True})
    if is_new:
        found.groups.add(role_group(METERING_AND_BILLING))
    return found


def address_of(name: str, *args: str, query: str = "") -> Callable[[Scene], str]:
    """A page whose address is the same in every story."""
    return lambda _scene: reverse(name, args=args) + query
