"""One world with a row in every table that staff can look at, made by the real verbs where it can be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.models import Customer, UsageSubject, User
from accounts.roles import AUDITOR, BILLING_SUPPORT, CATALOG_MANAGER, METERING_AND_BILLING
from accounts.services.create_api_token import create_api_token
from accounts.services.open_customer import open_customer
from accounts.services.park_customer import park_customer
from billing_portal.billing_run import RunReport, bill_due, collect_due
from billing_portal.demo_data import seed_seller
from billing_portal.tests.people import on_plus
from conftest import PASSWORD, person, staff_person
from core.periods import Period
from credits.proposals import save_proposal
from invoices.models import Payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.issue_statements import issue_statements
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.statements import StatementDraft
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.credited import granted
from invoices.tests.shelf import built, rendered, requested
from plans.models import Plan
from plans.seed import Catalogue, demo_catalogue
from plans.services.contact_sales import contact_sales
from plans.services.copy_plan import copy_plan
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import send

BEGIN = datetime.fromisoformat("2026-10-20T10:00:00Z")
CALCULATED, BILLED = datetime.fromisoformat("2026-11-17T01:05:00Z"), datetime.fromisoformat("2026-11-20T01:05:00Z")
TODAY = BILLED + timedelta(days=3)
ROLES_OF = {
    "clerk": METERING_AND_BILLING,
    "supporter": BILLING_SUPPORT,
    "cataloger": CATALOG_MANAGER,
    "auditor": AUDITOR,
    "trainee": None,
}
GRANT = {
    "amount": "100.00", "currency": "USD", "name": "Welcome", "reason": "First month on us", "charge": "promotional",
    "unit_cost": "", "availability": "now", "effective_at": "", "priority": "10", "expires_at": "", "features": [],
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """Who and what is in it; `names` stands for the parameters of addresses."""

    people: dict[str, User]
    names: dict[str, str | int]
    draft: Plan
    published: Plan


@contextmanager
def kept_apart() -> Iterator[None]:
    """Whatever happens inside is undone; verbs that must not be inside a transaction take it for none."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's own TestCase says it
    with block:
        yield
        transaction.set_rollback(True)


def build() -> World:
    """To be called where everything is undone afterwards."""
    people = staff()
    people["alice"] = alice = person("alice@example.com", "Alice")
    clerk = people["clerk"]
    EmailAddress.objects.create(user=alice, email=alice.email, verified=False, primary=True)
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "kept"})
    seed_seller()
    catalogue = demo_catalogue(BEGIN)
    customer = open_customer(name="Wonder Ltd", user=alice, at=BEGIN, actor=alice)
    UsageSubject.objects.create(customer=customer, subject="wonder-app", kind="application")
    names = {
        "key": customer.key,
        "id": alice.pk,
        **months_of(customer, alice, clerk, catalogue),
        **paperwork_of(customer, alice, clerk, catalogue),
    }
    park_customer(customer_id=customer.pk, reason="no price", at=TODAY)
    return World(people, names, Plan.objects.get(pk=names["plan_id"]), catalogue.plus)


def staff() -> dict[str, User]:
    """One person of each role, one without, and a superuser."""
    people = {
        name: staff_person(f"{name}@example.com", name.title(), *filter(None, [role]))
        for name, role in ROLES_OF.items()
    }
    return people | {"staff": User.objects.create_superuser("staff@example.com", PASSWORD)}


def months_of(customer: Customer, alice: User, clerk: User, catalogue: Catalogue) -> dict[str, str | int]:
    """A month on Plus with credit and usage, billed and paid; what was given back of it, and what is still open."""
    on_plus(customer, alice, catalogue, BEGIN)
    grant = granted(customer, 300, BEGIN)
    send(customer, BEGIN + timedelta(days=1), requests=3, tokens=900_000)
    for present in (CALCULATED, BILLED):
        bill_due(at=present, report=RunReport(at=""))
    collect_due(at=BILLED, report=RunReport(at=""))
    paid = Payment.objects.get().invoice
    issue_credit_note(invoice_id=paid.pk, at=TODAY, actor=clerk, reason="Agreed")  # back to the card
    reconcile_refunds(at=TODAY)
    lowered = open_invoice(customer, 700, at=TODAY)
    issue_credit_note(invoice_id=lowered.pk, at=TODAY, actor=clerk, reason="Agreed")  # off what is open
    kept = open_invoice(customer, 4900, at=TODAY)
    calculated(customer, 100)
    rendered([paid, kept])
    archive = requested([kept], TODAY, clerk)
    built(archive, TODAY)
    month = StatementDraft(customer.pk, "USD", Period(BEGIN.date(), BILLED.date()))
    issue_statements(wanted=[month], at=TODAY, actor=None)
    return {"grant_id": grant.public_id, "public_id": archive.public_id}


def paperwork_of(customer: Customer, alice: User, clerk: User, catalogue: Catalogue) -> dict[str, str | int]:
    """A token, a draft of a plan, a change to come, a request to sales, a grant that is being written."""
    create_api_token(customer=customer, name="Gateway", at=TODAY, actor=alice)
    schedule_change(
        customer_id=customer.pk, plan=catalogue.free, when=date(2026, 12, 1), at=TODAY, actor=clerk, reason="Agreed"
    )
    inquiry = {"name": "Alice", "email": alice.email, "company": "Wonder", "message": "Please call.", "volume": "1"}
    contact_sales(customer=customer, values=inquiry, at=TODAY, actor=alice)
    proposal = save_proposal(customer=customer, values=GRANT, at=TODAY, actor=clerk, proposal=None)
    draft = copy_plan(plan_id=catalogue.plus.pk, at=TODAY, actor=clerk)
    card = draft.rate_cards.first()
    assert card is not None
    return {"proposal_id": proposal.public_id, "plan_id": draft.pk, "card_id": card.pk}
