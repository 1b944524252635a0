"""One world with a row in every table that staff can look at, made by the real verbs where it can be."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.urls import reverse

from accounts.gateways.base import ProcessorEvent
from accounts.models import BillingProfile, Customer, Notice, Role, UsageSubject, User
from accounts.roles import AUDITOR, BILLING_SUPPORT, CATALOG_MANAGER, METERING_AND_BILLING
from accounts.services.choose_mail import choose_mail
from accounts.services.create_api_token import create_api_token
from accounts.services.end_move import end_move
from accounts.services.invite_member import invite_member
from accounts.services.move_clock import move_clock
from accounts.services.open_customer import open_customer
from accounts.services.park_customer import park_customer
from accounts.services.start_clock import start_clock
from accounts.services.turn_clock import turn_clock
from billing_portal.billing_run import RunReport, bill_due, collect_due
from billing_portal.demo_data import seed_seller
from billing_portal.services.choose_digest import choose_digest
from billing_portal.services.want_check import want_check
from billing_portal.tests.people import on_plus
from conftest import PASSWORD, person, staff_person
from core.periods import Period
from credits.proposals import save_proposal
from invoices.buying import sale_totals, sold_grant
from invoices.giving_back import Wanted
from invoices.hand_charges import HandCharge
from invoices.models import (
    CreditSale,
    Document,
    GatewayEvent,
    Invoice,
    OutsideMethod,
    Payment,
    Refund,
    TopUpRule,
)
from invoices.questions import AskedAbout
from invoices.refunding import Outside
from invoices.services.add_charge import add_charge
from invoices.services.ask_about_charge import ask_about_charge
from invoices.services.ask_for_correction import ask_for_correction
from invoices.services.handle_events import handle_events
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.issue_statements import issue_statements
from invoices.services.pay_out_credit_note import pay_out_credit_note
from invoices.services.receive_event import receive_event
from invoices.services.reconcile_refunds import reconcile_refunds
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.sell_credits import sell_credits
from invoices.services.set_top_up import set_top_up
from invoices.sold_lines import sale_key
from invoices.statements import StatementDraft
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.credited import granted
from invoices.tests.shelf import built, rendered, requested
from invoices.topping_up import TopUpTerms
from plans.budgets import BudgetTerms
from plans.models import MoveTime, Plan, PriceModel
from plans.seed import Catalogue, demo_catalogue
from plans.services.contact_sales import contact_sales
from plans.services.copy_plan import copy_plan
from plans.services.draft_contract import draft_contract
from plans.services.migrate_subscriptions import migrate_subscriptions
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.services.set_budget import set_budget
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


Names = dict[str, str | int]


@dataclass(frozen=True)
class World:
    """Who and what is in it; `names` stands for the parameters of addresses: `key` is the same in all of them, and
    `plans_plan_migration.key` that of one page, where the word means something else there."""

    people: dict[str, User]
    names: Names
    published: Plan
    contract: Plan  # of the customer alone, a draft

    def address_of(self, page: str, parameters: Iterable[str]) -> str:
        own = {name: self.names.get(f"{page}.{name}", self.names.get(name)) for name in parameters}
        return reverse(f"admin:{page}", kwargs=own)


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
    names = {
        "key": customer.key,
        "id": alice.pk,
        **months_of(customer, alice, clerk, catalogue),
        **data_of(customer),
        **billed_by_hand(customer, clerk),
        **versions_of(clerk, catalogue),
        **paperwork_of(customer, alice, clerk, catalogue),
    }
    names |= clock_of(customer, clerk)
    park_customer(customer_id=customer.pk, reason="no price", at=TODAY)
    published = Plan.objects.get(pk=names["plans_plan_migrate.plan_id"])
    return World(people, names, published, contract_of(customer, clerk, published))


def data_of(customer: Customer) -> Names:
    """An invoice that is an e-invoice, too: the others are of a customer without a country."""
    profile = BillingProfile.objects.filter(customer=customer)
    profile.update(country="JP")
    invoice = open_invoice(customer, 700, at=TODAY)
    profile.update(country="")
    return {"invoices_invoice_xml.pk": invoice.pk}


def staff() -> dict[str, User]:
    """One person of each role, one without, and a superuser."""
    people = {
        name: staff_person(f"{name}@example.com", name.title(), *filter(None, [role]))
        for name, role in ROLES_OF.items()
    }
    return people | {"staff": User.objects.create_superuser("staff@example.com", PASSWORD)}


def months_of(customer: Customer, alice: User, clerk: User, catalogue: Catalogue) -> Names:
    """A month on Plus with credit and usage, billed and paid; what was given back of it, and what is still open."""
    subject = UsageSubject.objects.create(customer=customer, subject="wonder-app", kind="application")
    on_plus(customer, alice, catalogue, BEGIN)
    grant = granted(customer, 300, BEGIN)
    send(customer, BEGIN + timedelta(days=1), requests=3, tokens=900_000)
    for present in (CALCULATED, BILLED):
        bill_due(at=present, report=RunReport(at=""))
    collect_due(at=BILLED, report=RunReport(at=""))
    payment = Payment.objects.get()
    paid = payment.invoice
    issue_credit_note(invoice_id=paid.pk, at=TODAY, actor=clerk, reason="Agreed", wanted=Wanted(amount=1000))
    reconcile_refunds(at=TODAY)  # back to the card
    month = StatementDraft(customer.pk, "USD", Period(BEGIN.date(), BILLED.date()))
    issue_statements(wanted=[month], at=TODAY, actor=None)
    rendered([paid])
    refund = Refund.objects.get()
    event = told_of(payment)
    return {
        "subject_id": subject.pk,
        "grant_id": grant.public_id,
        "payment_id": payment.pk,
        "line_key": paid.lines.filter(kind="usage").order_by("pk").values_list("key", flat=True)[0],
        "invoices_invoice_send_again.pk": paid.pk,
        "invoices_gatewayevent_replay.pk": event.pk,
        "invoices_invoice_document.pk": Document.objects.get(invoice=paid).pk,
        **dict.fromkeys((f"attention_{page}.public_id" for page in ("payment", "ask", "retry")), payment.public_id),
        **dict.fromkeys(
            (f"attention_{page}.public_id" for page in ("refund", "refund_ask", "refund_again")), refund.public_id
        ),
    }


def told_of(payment: Payment) -> GatewayEvent:
    """The cardholder takes the charge back: the processor says so, and it is noted."""
    dispute = ProcessorEvent(
        event_id="evt_1",
        type="charge.dispute.created",
        created_at=TODAY,
        object_id="dp_1",
        intent_id=payment.gateway_id,
        data={"amount": payment.amount, "currency": "usd", "status": "needs_response"},
    )
    event = receive_event(gateway=payment.gateway, event=dispute, at=TODAY)
    handle_events(at=TODAY)
    return event


def billed_by_hand(customer: Customer, clerk: User) -> Names:
    """Beside the plan: documents that are open, lowered, partly paid outside, drafted; a credit note that is kept."""
    lowered = open_invoice(customer, 700, at=TODAY)
    issue_credit_note(invoice_id=lowered.pk, at=TODAY, actor=clerk, reason="Agreed")
    settled = open_invoice(customer, 2100, at=TODAY)
    paid_outside(settled, settled.amount_due, clerk)
    note = issue_credit_note(
        invoice_id=settled.pk, at=TODAY, actor=clerk, reason="Agreed", wanted=Wanted(goes_to="kept")
    )
    pay_out_credit_note(
        note_id=note.pk,
        to=Outside(OutsideMethod.BANK_TRANSFER, "A7", TODAY.date()),
        amount=100,
        key="first",
        at=TODAY,
        actor=clerk,
        reason="Asked",
    )
    kept = open_invoice(customer, 4900, at=TODAY)
    paid_outside(kept, 1000, clerk)
    archive = requested([kept], TODAY, clerk)
    rendered([kept])
    built(archive, TODAY)
    draft, plain = calculated(customer, 100), open_invoice(customer, 900, at=TODAY)
    charge = HandCharge(
        "k1", customer.pk, "Workshop", "USD", 5000, Period(TODAY.date(), TODAY.date() + timedelta(days=1))
    )
    line = add_charge(charge=charge, at=TODAY, actor=clerk, reason="Order 77")
    sold, rule = credit_sold(customer, clerk)
    return {
        "pk": plain.pk,
        "invoice_id": kept.pk,
        "invoices_invoice_issue.pk": draft.pk,
        "invoices_invoice_pay_out.invoice_id": note.pk,
        "line_id": line.pk,
        "customer_credits_invoice.grant_id": sold.grant.public_id,
        "rule_id": rule.public_id,
        "public_id": archive.public_id,
    }


def credit_sold(customer: Customer, clerk: User) -> tuple[CreditSale, TopUpRule]:
    """An invoice that sells credit and is not paid, and automatic top-up that is on."""
    grant = sold_grant(sale_key(customer.pk, "staff", "first"), customer.pk, "USD", 10000, TODAY)
    sale = sell_credits(grant=grant, total=sale_totals(grant, TODAY).total, at=TODAY, actor=clerk)
    terms = TopUpTerms("USD", threshold=2000, amount=5000, ceiling=20000)
    return sale, set_top_up(customer_id=customer.pk, terms=terms, at=TODAY)


def paid_outside(invoice: Invoice, amount: int, clerk: User) -> None:
    record_outside_payment(
        invoice_id=invoice.pk,
        key=f"outside-{amount}",
        amount=amount,
        received_on=TODAY.date(),
        method=OutsideMethod.BANK_TRANSFER,
        reference="A7",
        at=TODAY,
        actor=clerk,
        reason="On the statement",
    )


def versions_of(clerk: User, catalogue: Catalogue) -> Names:
    """A second version of Plus, with tiers, to which everybody is to move; and the draft of a third."""
    second = copy_plan(plan_id=catalogue.plus.pk, at=TODAY, actor=clerk)
    tiered = second.rate_cards.filter(model=PriceModel.UNIT).order_by("pk")[0]
    tiered.model, tiered.unit_amount, tiered.per_units = PriceModel.GRADUATED, None, 1
    tiered.save()
    tiered.tiers.create(up_to=1000, unit_amount=Decimal("0.01"))
    tiered.tiers.create(up_to=None, unit_amount=Decimal("0.005"))
    publish_plan(plan=Plan.objects.with_cards().get(pk=second.pk), at=TODAY, actor=clerk)
    migration = migrate_subscriptions(
        key=f"mig_{'0' * 20}", plan_id=second.pk, when=MoveTime.PERIOD_END, reason="Prices", at=TODAY, actor=clerk
    )
    draft = copy_plan(plan_id=second.pk, at=TODAY, actor=clerk)
    card = draft.rate_cards.order_by("pk").first()
    assert card is not None
    return {
        "plan_id": draft.pk,
        "card_id": card.pk,
        "plans_plan_migrate.plan_id": second.pk,
        "plans_plan_archive.plan_id": second.pk,
        "plans_plan_migration.plan_id": second.pk,
        "plans_plan_migration.key": migration.key,
    }


def clock_of(customer: Customer, clerk: User) -> Names:
    """A test clock that was moved by a day, and a message of its story."""
    start_clock(customer_id=customer.pk, at=TODAY, actor=clerk, reason="To be looked at")
    until = TODAY + timedelta(days=1)
    move = move_clock(customer_id=customer.pk, key="clk", shown=TODAY, until=until, at=TODAY, actor=clerk)
    turn_clock(move_id=move.pk, to=until)
    end_move(move_id=move.pk, at=TODAY)
    message = Notice.objects.filter(customer=customer).latest("pk").pk
    pages = ("customer_clock_message.number", "customer_clock_message_html.number", "accounts_notice_send_again.pk")
    return dict.fromkeys(pages, message)


def contract_of(customer: Customer, clerk: User, plan: Plan) -> Plan:
    """A published one, and a draft of what comes after it."""
    terms = {"payment_terms": 30, "contract_starts_on": date(2026, 12, 1), "contract_ends_on": None}
    first = draft_contract(
        customer_id=customer.pk, plan_id=plan.pk, name="Enterprise of Wonder Ltd", values=terms,
        at=TODAY, actor=clerk, reason="Order 7",
    )  # fmt: skip
    publish_plan(plan=Plan.objects.with_cards().get(pk=first.pk), at=TODAY, actor=clerk)
    return copy_plan(plan_id=first.pk, at=TODAY, actor=clerk)


def paperwork_of(customer: Customer, alice: User, clerk: User, catalogue: Catalogue) -> Names:
    """A token, a member more, a change to come, a request to sales, a grant that is being written, a run."""
    create_api_token(customer=customer, name="Gateway", at=TODAY, actor=alice)
    choose_mail(customer_id=customer.pk, muted={"credits_low"}, at=TODAY, actor=alice)
    budget = BudgetTerms("USD", 100_00, spend_percents=(50,), projected=True, included_percents=(100,))
    set_budget(customer_id=customer.pk, terms=budget, at=TODAY, actor=alice)
    bob = invite_member(
        customer_id=customer.pk, email="bob@example.com", role=Role.BILLING_VIEWER, at=TODAY, actor=clerk
    )
    change = schedule_change(
        customer_id=customer.pk, plan=catalogue.free, when=date(2026, 12, 1), at=TODAY, actor=clerk, reason="Agreed"
    )
    choose_digest(wanted=True, at=TODAY, actor=clerk)
    issued = Invoice.objects.filter(customer=customer, kind="invoice", status="open").earliest("pk")
    asked = ask_for_correction(invoice_id=issued.pk, wrong="Our name", key="c1", at=TODAY, actor=alice)
    charge = AskedAbout("line", "AI tokens", TODAY, TODAY, 700, "USD")
    question = ask_about_charge(customer_id=customer.pk, charge=charge, message="Why?", key="q1", at=TODAY, actor=alice)
    inquiry = {"name": "Alice", "email": alice.email, "company": "Wonder", "message": "Please call.", "volume": "1"}
    contact_sales(customer=customer, values=inquiry, at=TODAY, actor=alice)
    proposal = save_proposal(customer=customer, values=GRANT, at=TODAY, actor=clerk, proposal=None)
    return {
        "membership_id": bob.pk,
        "change_id": change.pk,
        "request_id": asked.pk,
        "question_id": question.pk,
        "proposal_id": proposal.public_id,
        "number": want_check(key="books", at=TODAY, actor=clerk).pk,
    }
