"""The whole house, from a decline on the billing date to recovery or consequence – and whatever comes between."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from accounts.figures import written
from accounts.models import Customer, Notice, User
from accounts.services.deliver_notices import deliver_notices
from accounts.tests.cards import DECLINES, VISA, add_card
from billing_portal import billing_run
from billing_portal.tests.people import on_plus
from core import clock
from invoices.models import Invoice, OutsideMethod, OverdueStory, Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.submit_payment import submit_payment
from plans.models import CarriedOutConsequence, OverdueConsequence, Plan
from plans.selectors import current_subscription
from plans.selectors.access import access_of
from plans.services.copy_plan import copy_plan
from plans.services.publish_plan import publish_plan

pytestmark = pytest.mark.django_db(transaction=True)

BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
OVERDUE = ("payment_failed", "payment_reminder", "payment_warning", "payment_up_to_date")


def run(*days: float) -> None:
    """The hourly run but for its PDFs, on these days after the billing date."""
    for day in days:
        at = BILLED_AT + day * DAY
        with clock.travel_to(at):
            billing_run.bill_and_collect(at=at, report=billing_run.RunReport(at=""))
            deliver_notices(at=at)


def told(customer: Customer) -> list[tuple[int, str]]:
    """(day after the billing date, which message) of everything that was delivered about what is overdue."""
    rows = Notice.objects.filter(customer=customer, sent_at__isnull=False).order_by("sent_at", "pk")
    wanted = (*OVERDUE, "plan_downgraded_unpaid", "plan_on_hold")
    return [((row.sent_at - BILLED_AT).days, row.template) for row in rows if row.template in wanted and row.sent_at]


def tries() -> list[tuple[int, str]]:
    return [((row.created_at - BILLED_AT).days, row.status) for row in Payment.objects.order_by("pk")]


def pay(invoice: Invoice, day: float, user: User, number: str = VISA) -> Payment:
    """«Pay» with another card, which becomes the default too."""
    at = BILLED_AT + day * DAY
    card = add_card(invoice.customer, user, at, number, make_default=True)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False, payment_method=card)
    return submit_payment(payment_id=payment.pk, at=at)


@pytest.fixture
def declining(customer, alice, catalogue, seller, at):
    """On Plus with a card that is always declined; charges are calculated."""
    on_plus(customer, alice, catalogue, at, card=DECLINES)
    run(-3 + 1 / 24)
    return customer


@pytest.fixture
def books_agree():
    yield
    call_command("check_books")


DAILY = range(40)
FAILED = "payment_failed"


@pytest.mark.usefixtures("books_agree")
def test_a_decline_is_tried_again_warned_of_and_ends_the_plan(declining, catalogue):
    run(*DAILY)
    first, final = Invoice.objects.filter(number__isnull=False).order_by("pk")
    assert tries() == [(0, "declined"), (3, "declined"), (5, "declined"), (7, "declined")]
    assert told(declining) == [
        (0, FAILED), (3, FAILED), (5, FAILED), (7, FAILED), (14, "payment_warning"), (21, "plan_downgraded_unpaid"),
        (36, "payment_reminder"), (39, "payment_reminder"),
    ]  # fmt: skip
    assert current_subscription(declining.pk).plan == catalogue.free
    consequence = CarriedOutConsequence.objects.get()
    assert (consequence.kind, consequence.overdue, consequence.invoice) == ("downgrade", first, final)
    assert (final.status, final.collect_at, final.payments.count()) == ("open", None, 0)
    warning = Notice.objects.get(template="payment_warning")
    assert (
        "Meridian Plus ends with a final invoice, and you go on with Meridian Free"
        in written(warning.context)["sentence"]
    )
    assert written(warning.context)["earliest"] == "11 Dec 2026"


@pytest.mark.usefixtures("books_agree")
@pytest.mark.parametrize("day", [0.5, 3.5, 5.5, 7.5, 14.5, 20.9])
def test_paying_at_any_step_ends_the_story_with_thanks(declining, alice, catalogue, day):
    run(*(each for each in DAILY if each < day))
    before = told(declining)
    assert pay(Invoice.objects.get(), day, alice).status == "succeeded"
    run(*(each for each in (1, 4, 6, 8, 15, 21, 22, 27) if each > day))  # after each day that would have had a message
    after = [each for each in told(declining) if each not in before]
    assert [what for _, what in after] == ["payment_up_to_date"]
    assert current_subscription(declining.pk).plan == catalogue.plus
    assert not CarriedOutConsequence.objects.exists()
    assert OverdueStory.objects.get().ended_at is not None


@pytest.mark.usefixtures("books_agree")
def test_a_card_that_is_added_is_charged_on_the_announced_day_and_not_before(declining, alice):
    run(0)
    add_card(declining, alice, BILLED_AT + DAY, VISA, make_default=True)
    run(1, 2)
    assert tries() == [(0, "declined")]
    run(3)
    assert tries() == [(0, "declined"), (3, "succeeded")]
    assert told(declining) == [(0, FAILED), (3, "payment_up_to_date")]


@pytest.mark.usefixtures("books_agree")
def test_after_two_weeks_of_downtime_nothing_is_skipped_and_nothing_comes_twice(declining, catalogue):
    run(0, *range(14, 45))
    assert tries()[:4] == [(0, "declined"), (14, "declined"), (16, "declined"), (18, "declined")]
    first = [each for each in told(declining) if each[0] != 30]  # when the second month is declined
    assert first[:6] == [
        (0, FAILED), (14, FAILED), (16, FAILED), (18, FAILED), (25, "payment_warning"), (32, "plan_downgraded_unpaid"),
    ]  # fmt: skip
    assert current_subscription(declining.pk).plan == catalogue.free


@pytest.mark.usefixtures("books_agree")
def test_a_warning_that_was_not_delivered_threatens_nobody(declining, catalogue, settings):
    run(*range(14))
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens
    run(*range(14, 26))
    assert Notice.objects.get(template="payment_warning").sent_at is None
    settings.EMAIL_BACKEND = working
    run(*range(26, 33))
    assert current_subscription(declining.pk).plan == catalogue.plus
    run(33)
    assert current_subscription(declining.pk).plan == catalogue.free
    assert [(day, what) for day, what in told(declining) if what == "payment_warning"] == [(26, "payment_warning")]


@pytest.mark.usefixtures("books_agree")
def test_where_only_the_oldest_is_paid_the_next_invoice_has_its_own_time(declining, alice, catalogue):
    """After downtime the first is warned of on day 25; the second month is declined on day 30."""
    run(0, *range(14, 31))
    first, second = Invoice.objects.order_by("pk")
    assert told(declining)[-2:] == [(25, "payment_warning"), (30, FAILED)]
    record_outside_payment(
        invoice_id=first.pk, key="t", amount=first.amount_due, received_on=(BILLED_AT + 30 * DAY).date(),
        method=OutsideMethod.BANK_TRANSFER, reference="A7", at=BILLED_AT + 30.5 * DAY, actor=alice, reason="Came",
    )  # fmt: skip
    run(*range(31, 51))
    assert current_subscription(declining.pk).plan == catalogue.plus
    assert not Notice.objects.filter(template="payment_up_to_date").exists()
    run(51)
    assert CarriedOutConsequence.objects.get().overdue == second
    assert current_subscription(declining.pk).plan == catalogue.free


def access(customer: Customer, day: float) -> tuple[bool, str]:
    answer = access_of(customer.pk, "api-requests", BILLED_AT + day * DAY)
    return answer.has_access, answer.reason


def held_plan(at: datetime) -> Plan:
    """Plus as it is, with access refused instead of a downgrade."""
    draft = copy_plan(plan_id=Plan.objects.get(key="plus").pk, at=at, actor=None)
    draft.overdue_consequence = OverdueConsequence.HOLD
    draft.save()
    return publish_plan(plan=Plan.objects.with_cards().get(pk=draft.pk), at=at, actor=None)


@pytest.mark.usefixtures("books_agree")
def test_a_hold_refuses_access_until_everything_is_paid(customer, alice, catalogue, seller, at):
    plus = held_plan(at)
    on_plus(customer, alice, catalogue._replace(plus=plus), at, card=DECLINES)
    run(-3 + 1 / 24, *range(21))
    assert access(customer, 20) == (True, "included_quantity_left")
    run(21)
    assert access(customer, 21) == (False, "payment_overdue")
    assert current_subscription(customer.pk).plan == plus
    run(22, 23)
    assert told(customer)[-2:] == [(14, "payment_warning"), (21, "plan_on_hold")]
    pay(Invoice.objects.get(number__isnull=False), 23.5, alice)
    run(24)
    assert access(customer, 24) == (True, "included_quantity_left")
    assert told(customer)[-1] == (24, "payment_up_to_date")
    assert CarriedOutConsequence.objects.get().released_at == BILLED_AT + 24 * DAY


@pytest.mark.usefixtures("books_agree")
def test_a_customers_own_clock_counts_for_everything(declining, catalogue):
    """Their days pass one by one while it is the same day for everybody else."""
    for day in range(23):
        Customer.objects.update(clock_at=BILLED_AT + day * DAY)
        run(0)
    assert [day for day, _ in told(declining)] == [0, 3, 5, 7, 14, 21]
    assert current_subscription(declining.pk).plan == catalogue.free


@pytest.mark.usefixtures("books_agree")
def test_a_parked_customer_is_neither_tried_nor_warned(declining):
    run(0)
    Customer.objects.update(parked_at=BILLED_AT, parked_reason="to be looked at")
    run(*range(1, 30))
    assert (tries(), told(declining)) == ([(0, "declined")], [(0, FAILED)])


@pytest.mark.usefixtures("books_agree")
def test_the_hour_of_the_run_does_not_matter(declining):
    """Every seven hours, at each hour of the day twice: the same messages on the same days, and no more of them."""
    run(*(hour / 24 for hour in range(0, 24 * 15, 7)))
    assert told(declining) == [(0, FAILED), (3, FAILED), (5, FAILED), (7, FAILED), (14, "payment_warning")]
