"""The demo's story: customers whose past is made by the real verbs at past instants, nothing by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import F

from accounts.gateways.sandbox import enter_test_card, set_sandbox_clock
from accounts.models import CardSetup, Customer, GatewayName, Notice, User
from accounts.roles import METERING_AND_BILLING, role_group
from accounts.sales import SalesContact
from accounts.services.add_payment_method import add_payment_method
from accounts.services.open_customer import open_customer
from accounts.services.set_sales_contact import set_sales_contact
from accounts.services.start_card_setup import start_card_setup
from accounts.services.update_billing_profile import update_billing_profile
from billing_portal.billing_run import RunReport, bill_due, collect_due
from billing_portal.demo import DEMO_PASSWORD
from credits.grants import GrantDraft
from credits.services.grant_credits import grant_credits
from credits.services.warn_balances import warn_balances
from credits.services.warn_expiries import warn_expiries
from invoices.models import Seller, TaxRate
from plans.models import QuoteKind
from plans.seed import Catalogue, demo_catalogue, prepaid_plan
from plans.selectors.at_zero import at_zero_of
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.open_default_subscription import open_default_subscription
from plans.services.subscribe import subscribe
from usage.services.ingest_events import ingest_events

MONTHS_OF_HISTORY = 6
ROUTES = ("/v1/chat", "/v1/embeddings", "/v1/models", "/v1/files", "/health")


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    company: str
    address: tuple[str, str, str, str, str]  # street, postal code, city, region, country


FREE = Person("free@example.com", "Free Demo", "Fern & Field", ("118 Orchard Lane", "05401", "Burlington", "VT", "US"))
PLUS = Person("plus@example.com", "Plus Demo", "Plume Analytics SARL", ("2 rue du Marché", "44000", "Nantes", "", "FR"))
ENTERPRISE = Person(
    "enterprise@example.com", "Enterprise Demo", "Everest Holdings", ("Speicherstraße 9", "20457", "Hamburg", "", "DE")
)
PREPAID = Person(
    "credits@example.com", "Credits Demo", "Cobalt Labs", ("40 Harbor Way", "97209", "Portland", "OR", "US")
)
OVERDUE = Person("overdue@example.com", "Overdue Demo", "Otter & Oak", ("7 Mill Road", "04101", "Portland", "ME", "US"))
SALES_DESK = SalesContact("Enterprise accounts desk", "enterprise-desk@example.com")

NEARLY_A_MONTH = 26  # days since the customer on Free began
# Days of the story, counted from its start.
DAYS = 31 * MONTHS_OF_HISTORY
LATE, OVERDUE_FROM, PREPAID_FROM, THANKS, OUTAGE = 136, DAYS - 36, 155, 163, 177


def seed(at: datetime) -> None:
    """Fill an empty database: seller, catalogue, log-ins, six billed months of traffic, one paid with credits, one that
    is owed, and a month on Free that is nearly used up."""
    seed_seller()
    start = at.replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    catalogue = demo_catalogue(start)
    staff = User.objects.create_superuser("staff@example.com", DEMO_PASSWORD, first_name="Staff", last_name="Demo")
    EmailAddress.objects.create(user=staff, email=staff.email, verified=True, primary=True)
    staff.groups.add(role_group(METERING_AND_BILLING))
    free = seed_customer(FREE, at - timedelta(days=NEARLY_A_MONTH))
    send_usage(  # a little less than what Free includes
        free,
        Random(1),  # noqa: S311
        start=at - timedelta(days=NEARLY_A_MONTH - 1),
        end=at,
        requests_a_day=185,
        calls_a_day=0,
    )
    seed_enterprise(catalogue, start)
    try:
        seed_history(catalogue, staff, start, at)
    finally:
        set_sandbox_clock(None)
    Notice.objects.filter(sent_at__isnull=True).update(sent_at=F("created_at"))  # told at the time; nobody waits


def bill(at: datetime) -> None:
    """The day's run; PDFs are left to the worker."""
    report = RunReport(at=at.isoformat())
    bill_due(at=at, report=report)
    collect_due(at=at, report=report)
    warn_balances(at=at, at_zero=at_zero_of)
    warn_expiries(at=at)
    if report.parked:
        raise RuntimeError(f"the demo's run parked {report.parked}")


def seed_seller() -> Seller:
    """The legal entity of the demo, with its table of tax rates."""
    seller = Seller.objects.create(
        key="main",
        legal_name="Meridian Cloud SAS",
        line1="12 rue de la Mesure",
        postal_code="75011",
        city="Paris",
        country="FR",
        tax_id="FR32123456789",
        registration="RCS Paris 123 456 789 · capital 100 000 €",
        late_payment="Late payment: interest at three times the French legal rate and €40 for recovery costs "
        "(art. L. 441-10 Code de commerce). No discount for early payment.",
        email="billing@example.com",
    )
    TaxRate.objects.bulk_create(
        [
            TaxRate(seller=seller, country="FR", label="VAT", percent=Decimal(20)),
            TaxRate(seller=seller, country="", label="", percent=Decimal(0)),
        ]
    )
    return seller


def seed_customer(person: Person, at: datetime) -> Customer:
    first, last = person.name.split(" ")
    user = User.objects.create_user(person.email, DEMO_PASSWORD, first_name=first, last_name=last)
    EmailAddress.objects.create(user=user, email=person.email, verified=True, primary=True)
    customer = open_customer(name=person.company, user=user, at=at, actor=user)
    open_default_subscription(customer_id=customer.id, at=at, actor=user)
    update_billing_profile(customer_id=customer.id, values=address(person), at=at, actor=user)
    return customer


def address(person: Person) -> dict[str, Any]:
    names = ("line1", "postal_code", "city", "region", "country")
    where = dict(zip(names, person.address, strict=True))
    return {"legal_name": person.company, **where, "recipients": [person.email]}


def seed_enterprise(catalogue: Catalogue, at: datetime) -> None:
    customer = seed_customer(ENTERPRISE, at)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
    set_sales_contact(customer_id=customer.pk, name=SALES_DESK.name, email=SALES_DESK.email, at=at, actor=None)


def seed_history(catalogue: Catalogue, staff: User, start: datetime, at: datetime) -> None:
    """Plus since six months and Prepaid since one, settled and billed by the real run every day; of a third customer
    the first invoice is declined."""
    plus, prepaid = seed_plus(PLUS, catalogue, start), None
    traffic, tokens = Random(2), Random(3)  # noqa: S311 - traffic, not secrets
    for day, now in enumerate(days(start, at)):
        set_sandbox_clock(now)
        later = min(now + timedelta(days=1), at)
        if day == PREPAID_FROM:
            prepaid = seed_prepaid(staff, now)
        if day == OVERDUE_FROM:
            seed_plus(OVERDUE, catalogue, now, card="4000000000000341")
        give_what_is_given(day, plus, prepaid, staff, now)
        requests = 220 + 400 * day // DAYS  # their business grows
        send_usage(plus, traffic, start=now, end=later, requests_a_day=requests, calls_a_day=90)
        if day == LATE:  # a gateway of theirs was cut off; the window of these events is billed already
            then = now - timedelta(days=20)
            send_usage(
                plus, traffic, start=then, end=then + timedelta(days=1), requests_a_day=2_400, calls_a_day=0, at=now
            )
        if prepaid is not None:
            send_usage(prepaid, tokens, start=now, end=later, requests_a_day=0, calls_a_day=73)
        bill(later)


def give_what_is_given(day: int, plus: Customer, prepaid: Customer | None, staff: User, at: datetime) -> None:
    if day == THANKS:
        give(plus, staff, at, amount=2_000, name="Thank you")
    if day == OUTAGE and prepaid is not None:
        give(prepaid, staff, at, amount=500, name="Sorry for the outage", priority=20, days=14)


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += timedelta(days=1)


def seed_plus(person: Person, catalogue: Catalogue, at: datetime, card: str = "4242424242424242") -> Customer:
    """On Plus, with a card of the sandbox."""
    customer = seed_customer(person, at)
    user = customer.users.get()
    add_card(customer, user, card, at)
    quote = make_quote(customer=customer, kind=QuoteKind.SUBSCRIBE, plan=catalogue.plus, at=at, actor=user)
    subscribe(quote=quote, at=at, actor=user)
    return customer


def seed_prepaid(staff: User, at: datetime) -> Customer:
    """On Prepaid with $100.00, which the traffic of a month uses up but for a little."""
    customer = seed_customer(PREPAID, at)
    open_contract(customer_id=customer.pk, plan=prepaid_plan(at), at=at, actor=staff)
    give(customer, staff, at, amount=10_000, name="Starting credits")
    return customer


def give(
    customer: Customer,
    staff: User,
    at: datetime,
    *,
    amount: int,
    name: str,
    priority: int = 10,
    days: int | None = None,
) -> None:
    draft = GrantDraft(
        key=f"demo:{customer.key}:{name}",
        customer_id=customer.pk,
        currency="USD",
        amount=amount,
        funding="promotional",
        name=name,
        reason="Demo",
        priority=priority,
        expires_at=at + timedelta(days=days) if days else None,
    )
    grant_credits(grant=draft, at=at, actor=staff)


def add_card(customer: Customer, user: User, number: str, at: datetime) -> None:
    """Through the sandbox's card page, like everybody, also where new cards go to Stripe."""
    start_card_setup(
        customer=customer,
        user=user,
        next_url="/",
        at=at,
        build_url=lambda path: settings.PORTAL_URL + path,
        gateway=GatewayName.SANDBOX,
    )
    setup = CardSetup.objects.filter(customer=customer).latest("pk")
    enter_test_card(setup.gateway_id, number, date(at.year + 3, 12, 1))
    add_payment_method(setup_key=setup.key, at=at, actor=user)


def send_usage(
    customer: Customer,
    random: Random,
    *,
    start: datetime,
    end: datetime,
    requests_a_day: int,
    calls_a_day: int,
    at: datetime | None = None,
) -> None:
    """Usage spread over `start` … `end`, received then or at `at`."""
    days = Decimal((end - start) / timedelta(days=1))
    events = [
        *api_requests(customer, random, start, end, int(requests_a_day * days)),
        *token_calls(customer, random, start, end, int(calls_a_day * days)),
    ]
    for first in range(0, len(events), 1000):
        ingest_events(events=events[first : first + 1000], token_customer_id=None, at=at or end)


def api_requests(
    customer: Customer, random: Random, start: datetime, end: datetime, count: int
) -> Iterator[dict[str, Any]]:
    for _ in range(count):
        at = start + (end - start) * random.random()
        status = 200 if random.random() < 0.97 else 429
        data = {"route": random.choice(ROUTES), "status": status, "method": "POST", "client": "203.0.113.0/24"}
        yield event(customer, random, at, "api.request", data)


def token_calls(
    customer: Customer, random: Random, start: datetime, end: datetime, count: int
) -> Iterator[dict[str, Any]]:
    for _ in range(count):
        at = start + (end - start) * random.random()
        context, generated = random.randint(200, 8000), random.randint(5, 900)
        data = {"context": context, "generated": generated, "tokens": context + generated}
        yield event(customer, random, at, "ai.tokens", data)


def event(customer: Customer, random: Random, at: datetime, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{random.getrandbits(64):016x}",
        "source": "demo/gateway",
        "type": kind,
        "subject": customer.key,
        "time": at.isoformat(),
        "data": data,
    }
