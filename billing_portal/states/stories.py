"""Stories of plans, usage and payments. What a story is about is its docstring, which the list shows."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from accounts.gateways.sandbox import enter_test_card
from accounts.sales import SalesContact
from billing_portal.demo_data import SALES_DESK
from billing_portal.states.telling import (
    BEGIN,
    BILLED,
    CALCULATED,
    CONFIRMS,
    DAY,
    DECLINES,
    GOOD_UNTIL,
    HOUR,
    MASTERCARD,
    TIMES_OUT,
    VISA,
    Scene,
    catalogue,
    story,
)
from invoices.models import OutsideMethod, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.void_invoice import void_invoice
from invoices.services.write_off_invoice import write_off_invoice
from plans.budgets import BudgetTerms
from plans.models import Plan, PlanStatus, PriceModel, SalesInquiry
from plans.services.cancel_subscription import cancel_subscription
from plans.services.contact_sales import contact_sales
from plans.services.draft_contract import draft_contract
from plans.services.make_quote import make_quote
from plans.services.publish_plan import publish_plan
from plans.services.schedule_change import schedule_change
from plans.services.set_budget import set_budget

REASON = "Sample"
BEFORE_THE_FIRST_CHECK = timedelta(seconds=30)


# --- before anything is billed ----------------------------------------------------------------------------------------
@story
def new(scene: Scene) -> None:
    """Signed up a minute ago: Free, nothing used, no card."""
    scene.on_free()
    scene.stand_at(BEGIN)


@story
def two_cards(scene: Scene) -> None:
    """On Free, with two cards."""
    scene.on_free()
    scene.add_card()
    scene.add_card(MASTERCARD)
    scene.stand_at(BEGIN)


@story
def free(scene: Scene) -> None:
    """On Free for ten days, with usage."""
    scene.on_free()
    scene.use(BEGIN, 10)
    scene.stand_at(BEGIN + 10 * DAY + HOUR)
    inquiry = {"name": "Robin Harbour", "email": "free@states.example", "company": "", "message": "More requests."}
    contact_sales(customer=scene.customer, values={**inquiry, "volume": ""}, at=scene.now, actor=scene.admin)


def inquiry_of(scene: Scene) -> str:
    return SalesInquiry.objects.filter(customer=scene.customer).earliest("pk").reference


@story
def plus_new(scene: Scene) -> None:
    """Subscribed to Plus an hour ago; nothing used yet."""
    scene.on_plus()
    scene.stand_at(BEGIN + HOUR)


@story
def plus_thin(scene: Scene) -> None:
    """On Plus since yesterday."""
    scene.on_plus()
    scene.use(BEGIN, 1)
    scene.stand_at(BEGIN + DAY + HOUR)


@story
def plus(scene: Scene) -> None:
    """On Plus for twelve days, with a card, usage and a budget."""
    scene.on_plus()
    scene.use(BEGIN, 12)
    scene.stand_at(BEGIN + 12 * DAY + HOUR)
    terms = BudgetTerms("USD", 20_000, (50, 80, 100), projected=True, included_percents=(80,))
    set_budget(customer_id=scene.customer.pk, terms=terms, at=scene.now, actor=scene.admin)


@story
def quoted(scene: Scene) -> None:
    """On Free, with the figures for Plus on the screen for longer than they are held."""
    scene.on_free()
    scene.stand_at(BEGIN)
    make_quote(customer=scene.customer, plan=catalogue().plus, at=BEGIN, actor=scene.admin)
    scene.move_to(BEGIN + HOUR)


@story
def leaving(scene: Scene) -> None:
    """On Plus for eleven days, with the final invoice on the screen."""
    scene.on_plus()
    scene.use(BEGIN, 11)
    scene.stand_at(BEGIN + 11 * DAY + 2 * HOUR)
    make_quote(customer=scene.customer, kind="cancel", at=scene.now, actor=scene.admin)


@story
def moved(scene: Scene) -> None:
    """As they are about to confirm the downgrade, more usage arrives."""
    scene.on_plus()
    scene.use(BEGIN, 10)
    scene.stand_at(BEGIN + 11 * DAY)
    make_quote(customer=scene.customer, kind="cancel", at=scene.now, actor=scene.admin)
    scene.use(BEGIN + 10 * DAY, 0.5)


@story
def card_expires(scene: Scene) -> None:
    """On Plus, with a card that expires before the first billing date."""
    scene.on_plus(expires=date(2026, 10, 1))
    scene.use(BEGIN, 12)
    scene.stand_at(BEGIN + 13 * DAY)


# --- calculated, billed, paid or not ----------------------------------------------------------------------------------
@story
def calculated(scene: Scene) -> None:
    """Three days before the billing date: charges are final, the next window counts already."""
    scene.on_plus()
    scene.use(BEGIN, 28)
    scene.move_to(CALCULATED + 8 * HOUR)


@story
def covered(scene: Scene) -> None:
    """Three days before the billing date credit has paid all charges; the card will have expired."""
    scene.give(90_000, "Welcome credits")
    scene.on_plus(expires=date(2026, 10, 1))
    scene.use(BEGIN, 20)
    scene.move_to(CALCULATED + 8 * HOUR)


@story
def changing(scene: Scene) -> None:
    """On Plus, and staff have scheduled a contract."""
    scene.on_plus()
    scene.use(BEGIN, 5)
    scene.stand_at(BEGIN + 5 * DAY + HOUR)
    contract = _own_plan(scene, "Enterprise")
    publish_plan(plan=contract, at=BEGIN, actor=None)
    contract = Plan.objects.with_cards().get(pk=contract.pk)
    schedule_change(
        customer_id=scene.customer.pk, plan=contract, when="period_end", at=scene.now, actor=None, reason=REASON
    )


def _came_late(scene: Scene) -> None:
    scene.on_plus()
    scene.stand_at(BEGIN + 10 * DAY)
    _leave(scene)
    scene.use(BEGIN, 5, received=scene.now)


@story
def late_usage(scene: Scene) -> None:
    """Back on Free, and usage of before reaches us after the final invoice."""
    _came_late(scene)


@story
def late_usage_calculated(scene: Scene) -> None:
    """Back on Free; usage of before that came late is calculated."""
    _came_late(scene)
    scene.move_to(CALCULATED + 8 * HOUR)


def _billed(scene: Scene, card: str = VISA, ago: timedelta = HOUR) -> None:
    """A month on Plus, billed so long ago."""
    scene.on_plus(card)
    scene.use(BEGIN, 20)
    scene.move_to(BILLED + ago)


@story
def paid(scene: Scene) -> None:
    """The first invoice is paid; two cards, and usage in the second month."""
    _billed(scene)
    scene.add_card(MASTERCARD, at=scene.now)
    scene.use(CALCULATED, 2.5)
    enter_test_card(scene.visit_card_page().gateway_id, VISA, GOOD_UNTIL)


@story
def past_due(scene: Scene) -> None:
    """The card was declined on the billing date."""
    _billed(scene, DECLINES)


@story
def left_owing(scene: Scene) -> None:
    """Left Plus for Free while an invoice was past due."""
    owe(scene)


def owe(scene: Scene) -> None:
    _billed(scene, DECLINES)
    _leave(scene)


def _leave(scene: Scene) -> None:
    quote = make_quote(customer=scene.customer, kind="cancel", at=scene.now, actor=scene.admin)
    cancel_subscription(quote=quote, at=scene.now, actor=scene.admin)


@story
def declined(scene: Scene) -> None:
    """The card was declined on the billing date, and somebody is about to press «Pay» with it."""
    _billed(scene, DECLINES)


@story
def confirm(scene: Scene) -> None:
    """The bank wants the payment to be confirmed."""
    _billed(scene, CONFIRMS)


@story
def unknown(scene: Scene) -> None:
    """The processor has not answered: nobody knows whether the invoice is paid."""
    _billed(scene, TIMES_OUT, BEFORE_THE_FIRST_CHECK)


@story
def processing(scene: Scene) -> None:
    """Somebody has just pressed «Pay»; no worker has taken the payment to the processor yet."""
    _no_card(scene)
    scene.add_card()
    collect_payment(invoice_id=scene.invoice().pk, at=scene.now, automatic=False, actor=scene.admin)


def payment_of(scene: Scene) -> Payment:
    return Payment.objects.filter(invoice=scene.invoice()).latest("pk")


def _no_card(scene: Scene) -> None:
    scene.on_free()
    _put_on(scene, catalogue().plus)
    scene.use(BEGIN, 20)
    scene.move_to(BILLED + HOUR)


@story
def no_card(scene: Scene) -> None:
    """Put on Plus by staff, without a card; the first invoice is open."""
    _no_card(scene)
    scene.use(CALCULATED, 2.5)
    scene.visit_card_page()


@story
def first_card(scene: Scene) -> None:
    """Put on Plus by staff; the first card came when the first invoice was open already."""
    _no_card(scene)
    scene.add_card(at=scene.now)


@story
def zero(scene: Scene) -> None:
    """Credit paid the whole invoice, and will pay what was used since."""
    scene.give(90_000, "Welcome credits")
    _billed(scene)
    scene.use(CALCULATED, 2.5)


@story
def part_paid(scene: Scene) -> None:
    """Half of the invoice came by bank transfer."""
    _no_card(scene)
    record_outside_payment(
        invoice_id=scene.invoice().pk,
        key="states",
        amount=4_000,
        received_on=scene.now.date(),
        method=OutsideMethod.BANK_TRANSFER,
        reference="TRX 4711",
        at=scene.now,
        reason=REASON,
    )


@story
def void(scene: Scene) -> None:
    """Staff voided the invoice before it was paid."""
    _no_card(scene)
    void_invoice(invoice_id=scene.invoice().pk, at=scene.now, reason=REASON)


@story
def written_off(scene: Scene) -> None:
    """Staff gave the invoice up."""
    _no_card(scene)
    write_off_invoice(invoice_id=scene.invoice().pk, at=scene.now, reason=REASON)


@story
def credited(scene: Scene) -> None:
    """A paid invoice was credited: the money goes back to the card."""
    _billed(scene)
    issue_credit_note(invoice_id=scene.invoice().pk, at=scene.now, reason=REASON, key="states")


def _own_plan(
    scene: Scene,
    name: str,
    values: Mapping[str, Any] = MappingProxyType({}),
    contact: SalesContact | None = None,
) -> Plan:
    """The draft of a plan for them alone, with the prices of Plus."""
    return draft_contract(
        customer_id=scene.customer.pk,
        plan_id=catalogue().plus.pk,
        name=name,
        values=values,
        at=BEGIN,
        actor=None,
        reason=REASON,
        contact=contact,
    )


def _put_on(scene: Scene, plan: Plan) -> None:
    """Staff put them on it at the beginning."""
    published = Plan.objects.with_cards().get(pk=plan.pk)
    schedule_change(customer_id=scene.customer.pk, plan=published, when="now", at=BEGIN, actor=None, reason=REASON)


@story
def unpriceable(scene: Scene) -> None:
    """On a plan of their own that lost its tiers by an accident: what is used can't be priced until it is mended."""
    scene.on_free()
    draft = _own_plan(scene, "Partner")
    draft.rate_cards.filter(key="ai-tokens").update(model=PriceModel.VOLUME, unit_amount=None, per_units=1)
    # The verb would find the accident and refuse.
    Plan.objects.filter(pk=draft.pk).update(status=PlanStatus.PUBLISHED, published_at=BEGIN)
    _put_on(scene, draft)
    scene.use(BEGIN, 10)
    scene.stand_at(BEGIN + 10 * DAY + HOUR)


def under_contract(scene: Scene, payment_terms: int) -> None:
    scene.on_free()
    dates = {"contract_starts_on": date(2026, 10, 20), "contract_ends_on": date(2027, 10, 19)}
    draft = _own_plan(scene, "Enterprise", {"payment_terms": payment_terms, **dates}, SALES_DESK)
    publish_plan(plan=draft, at=BEGIN, actor=None)
    _put_on(scene, draft)


@story
def enterprise(scene: Scene) -> None:
    """Under a contract: invoices are sent, payable by transfer within 30 days."""
    under_contract(scene, payment_terms=30)
    scene.use(BEGIN, 20)
    scene.move_to(BILLED + HOUR)
    scene.use(CALCULATED, 2.5)


@story
def unmetered(scene: Scene) -> None:
    """Under a contract whose prices stand on paper alone; nothing was ever used."""
    scene.on_free()
    _put_on(scene, catalogue().enterprise)
    scene.stand_at(BEGIN + DAY)
