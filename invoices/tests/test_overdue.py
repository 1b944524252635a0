"""What the verbs of dunning do: tries on the invoice's own row, messages once, thanks once, and asking for a card."""

from datetime import timedelta
from functools import partial

import pytest

from accounts.figures import written
from accounts.gateways.base import Outcome
from accounts.models import AuditEntry, BillingProfile, Customer, Notice, PaymentPolicy
from accounts.services.delete_payment_method import delete_payment_method
from accounts.services.deliver_notices import deliver_notices
from accounts.services.send_notice_again import send_notice_again
from accounts.tests.cards import DECLINES, NO_FUNDS, TIMES_OUT, VISA, add_card
from core import formats
from invoices.due import due_to_collect
from invoices.dunning import NamedConsequence
from invoices.models import Invoice, OutsideMethod, OverdueStory
from invoices.overdue import dunning_of, lost_tries, overdue_customers, stories_over
from invoices.services.ask_for_cards import ask_for_cards
from invoices.services.collect_payment import collect_payment
from invoices.services.record_outside_payment import record_outside_payment
from invoices.services.remind_overdue import remind_overdue
from invoices.services.submit_payment import submit_payment
from invoices.services.thank_recovered import thank_recovered
from invoices.services.write_off_invoice import write_off_invoice
from invoices.tests.cast import calculated, open_invoice, paid_with
from invoices.tests.test_races import at_once

DAY = timedelta(days=1)
DOWNGRADE = NamedConsequence("downgrade", "Plus ends, and you go on with Free")


def remind(customer, at, consequence=DOWNGRADE):
    sent = remind_overdue(customer_ids=[customer.pk], at=at, consequences={customer.pk: consequence})
    deliver_notices(at=at)
    return [(draft.key.split(":", 2)[2], draft.template) for draft in sent]


def collect(invoice, at):
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    return submit_payment(payment_id=payment.pk, at=at)


def thank(at):
    return thank_recovered(story_ids=[due.id for due in stories_over(at)], at=at)


@pytest.fixture
def late(seller, customer, at):
    """An invoice to be paid by transfer, and the first day it is overdue."""
    invoice = open_invoice(customer, 4900, at=at)
    return invoice, at + 15 * DAY


# --- tries ----------------------------------------------------------------------------------------------------------
def test_a_declined_collection_waits_on_the_invoice_for_its_next_try(seller, customer, alice, at):
    add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900, at=at)
    days = []
    for hours in range(0, 24 * 12, 6):
        for due in due_to_collect(at + timedelta(hours=hours)):
            days.append(hours // 24)
            collect(Invoice.objects.get(pk=due.id), due.present)
    assert days == [0, 3, 5, 7]
    assert Invoice.objects.get().collect_at is None
    assert Notice.objects.filter(key__startswith=f"invoice:{invoice.pk}:failed").count() == 4


def test_a_stolen_card_is_not_tried_again(seller, customer, alice, at):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=True)
    paid_with(payment.pk, at, Outcome("declined", "stolen_card"))
    assert Invoice.objects.get().collect_at is None
    assert written(Notice.objects.get(template="payment_failed").context)["next_try"] == ""


def test_a_card_tried_by_hand_changes_no_plan(seller, customer, alice, at):
    add_card(customer, alice, at, NO_FUNDS)
    invoice = open_invoice(customer, 4900, at=at)
    collect(invoice, at)
    payment = collect_payment(invoice_id=invoice.pk, at=at + DAY, automatic=False, attempt=2)
    submit_payment(payment_id=payment.pk, at=at + DAY)
    assert Invoice.objects.get().collect_at == at + 3 * DAY


def test_a_card_tried_by_hand_makes_nothing_overdue_before_its_day(late, customer, alice, at):
    invoice, _ = late
    add_card(customer, alice, at, DECLINES)
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    assert submit_payment(payment_id=payment.pk, at=at).status == "declined"
    assert (overdue_customers(at + DAY), OverdueStory.objects.count()) == ([], 0)


def test_where_the_card_is_gone_the_try_is_lost_and_a_new_card_is_not_charged(seller, customer, alice, at):
    card = add_card(customer, alice, at, DECLINES)
    invoice = open_invoice(customer, 4900, at=at)
    collect(invoice, at)
    deliver_notices(at=at)
    delete_payment_method(payment_method=card, at=at, actor=alice)
    third = at + 3 * DAY
    assert [row.pk for row in lost_tries([customer.pk], third)] == [invoice.pk]
    assert remind(customer, third) == [("dunning:1", "payment_reminder")]
    told = written(Notice.objects.get(template="payment_reminder").context)
    assert (told["card"], told["tried_on"]) == ("Visa ending 0341", formats.day(at.date()))
    assert told["reason"] == written(Notice.objects.get(template="payment_failed").context)["reason"] != ""
    add_card(customer, alice, third, VISA)
    assert due_to_collect(third + 9 * DAY) == []


# --- messages -------------------------------------------------------------------------------------------------------
def test_a_copy_of_a_message_that_staff_send_counts_for_nothing(late, customer, clerk):
    invoice, day = late
    remind(customer, day)
    Notice.objects.exclude(template="payment_reminder").delete()
    Notice.objects.update(id=invoice.pk)  # the copy's key names its message as others name their invoice
    before = dunning_of({customer.pk: day + 4 * DAY}, {customer.pk: DOWNGRADE})
    told = Notice.objects.get(template="payment_reminder")
    send_notice_again(notice_id=told.pk, at=day + 3 * DAY, asked_at=day + 3 * DAY, actor=clerk)
    deliver_notices(at=day + 3 * DAY)
    assert Notice.objects.filter(template="payment_reminder", sent_at__isnull=False).count() == 2
    assert dunning_of({customer.pk: day + 4 * DAY}, {customer.pk: DOWNGRADE}) == before


def test_it_reminds_and_warns_and_says_each_thing_once(late, customer, alice):
    _, first = late
    assert remind(customer, first - DAY) == []
    for day, expected in enumerate(
        [*("0", "", "", "1", "", "", "", "2", "", "", "", "", "", "", "final:downgrade", "", "")]
    ):
        template = "payment_warning" if "final" in expected else "payment_reminder"
        wanted = [(f"dunning:{expected}", template)] if expected else []
        assert remind(customer, first + day * DAY) == wanted, day
        assert remind(customer, first + day * DAY) == [], day
    assert dunning_of({customer.pk: first + 21 * DAY}, {customer.pk: DOWNGRADE})[customer.pk].state == "consequence"


def test_it_names_everything_that_is_overdue_in_one_message(late, customer, at):
    invoice, first = late
    other = open_invoice(customer, 1200, at=at)
    assert remind(customer, first) == [("dunning:0", "payment_reminder")]
    context = written(Notice.objects.get(template="payment_reminder").context)
    assert (context["number"], context["amount"]) == (invoice.number, "$49.00")
    assert [(each["number"], each["amount"]) for each in context["others"]] == [(other.number, "$12.00")]


def test_the_last_notice_names_the_consequence_and_its_day(late, customer, mailoutbox):
    _, first = late
    for day in (0, 3, 7, 14):
        remind(customer, first + day * DAY)
    message = mailoutbox[-1]
    assert message.subject == "Last notice: $49.00 is overdue, pay before 25 Nov 2026"
    assert len(message.subject) <= 60
    assert "If it is not paid before 25 Nov 2026, Plus ends, and you go on with Free." in message.body


def test_who_can_pay_hears_it_beside_an_accountant_who_cannot(late, customer, alice):
    _, first = late
    BillingProfile.objects.filter(customer=customer).update(recipients=["books@example.com"])
    for day in (0, 3, 7, 14):
        remind(customer, first + day * DAY)
    for template in ("payment_reminder", "payment_warning"):
        assert Notice.objects.filter(template=template).latest("pk").to == ["books@example.com", alice.email]


def test_it_reminds_who_pays_by_contract_and_threatens_nobody(late, customer):
    _, first = late
    Customer.objects.update(payment_policy=PaymentPolicy.MANAGED_BY_CONTRACT)
    told = [remind(customer, first + day * DAY, NamedConsequence()) for day in (0, 3, 7, 14, 60)]
    assert told == [*([(f"dunning:{stage}", "payment_reminder")] for stage in range(4)), []]


def test_it_writes_down_whom_it_reminded_of_what(late, customer):
    invoice, first = late
    remind(customer, first)
    entry = AuditEntry.objects.get(action="remind_overdue")
    assert (entry.subject, entry.customer_id, entry.actor) == (f"invoice:{invoice.pk}", customer.pk, None)
    assert entry.after["message"] == f"invoice:{invoice.pk}:dunning:0"


def test_a_customer_without_anybody_to_write_to_is_not_threatened(late, customer, alice):
    _, first = late
    customer.memberships.all().delete()
    BillingProfile.objects.update(recipients=[])
    assert [remind(customer, first + day * DAY) for day in (0, 14, 60)] == [[], [], []]
    assert not AuditEntry.objects.filter(action="remind_overdue").exists()


def test_while_a_payment_has_no_outcome_nobody_is_reminded(late, customer, alice):
    invoice, first = late
    add_card(customer, alice, first, TIMES_OUT)
    payment = collect_payment(invoice_id=invoice.pk, at=first, automatic=False)
    assert submit_payment(payment_id=payment.pk, at=first).status == "unknown"
    assert remind(customer, first + 30 * DAY) == []


def test_what_is_written_off_or_paid_by_a_credit_note_is_not_reminded_of(late, customer, alice, at):
    invoice, first = late
    other = open_invoice(customer, 900, at=at)
    write_off_invoice(invoice_id=invoice.pk, at=first, actor=alice, reason="Gone")
    open_invoice(customer, -900, at=first)
    assert Invoice.objects.get(pk=other.pk).status == "paid"
    assert remind(customer, first + 20 * DAY) == []


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_send_one_message(late, customer):
    _, first = late
    call = partial(remind_overdue, customer_ids=[customer.pk], at=first, consequences={customer.pk: DOWNGRADE})
    results = at_once(call, call, call)
    assert not [each for each in results if isinstance(each, Exception)]
    assert sorted(len(each) for each in results) == [0, 0, 1]
    assert Notice.objects.filter(template="payment_reminder").count() == 1
    assert AuditEntry.objects.filter(action="remind_overdue").count() == 1


# --- thanks ---------------------------------------------------------------------------------------------------------
def settle(invoice, at, alice):
    record_outside_payment(
        invoice_id=invoice.pk, key=f"t{invoice.pk}", amount=invoice.amount_due, received_on=at.date(),
        method=OutsideMethod.BANK_TRANSFER, reference="A7", at=at, actor=alice, reason="On the statement",
    )  # fmt: skip


def test_who_has_paid_everything_is_thanked_once_a_story(late, customer, alice, at):
    invoice, first = late
    other = open_invoice(customer, 900, at=at)
    remind(customer, first)
    settle(invoice, first + DAY, alice)
    assert thank(first + DAY) == 0  # the other one is overdue
    settle(other, first + 2 * DAY, alice)
    assert [thank(first + 2 * DAY), thank(first + 2 * DAY)] == [1, 0]
    story = OverdueStory.objects.get()
    assert (story.began_at, story.ended_at) == (first, first + 2 * DAY)
    assert Notice.objects.get(template="payment_up_to_date").key == f"story:{story.pk}:over"


def test_a_new_failure_is_a_new_story_with_its_own_thanks(late, customer, alice):
    invoice, first = late
    remind(customer, first)
    settle(invoice, first, alice)
    thank(first)
    again = open_invoice(customer, 900, at=first)
    remind(customer, first + 15 * DAY)
    settle(again, first + 16 * DAY, alice)
    thank(first + 16 * DAY)
    assert Notice.objects.filter(template="payment_up_to_date").count() == 2


def test_nobody_is_thanked_for_what_was_written_off(late, customer, alice):
    invoice, first = late
    remind(customer, first)
    write_off_invoice(invoice_id=invoice.pk, at=first, actor=alice, reason="Gone")
    assert thank(first + DAY) == 1
    assert not Notice.objects.filter(template="payment_up_to_date").exists()


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_thank_once(late, customer, alice):
    invoice, first = late
    remind(customer, first)
    settle(invoice, first, alice)
    [due] = stories_over(first)
    call = partial(thank_recovered, story_ids=[due.id], at=first)
    assert sorted(at_once(call, call)) == [0, 1]
    assert Notice.objects.filter(template="payment_up_to_date").count() == 1


# --- a card that is missing -----------------------------------------------------------------------------------------
def test_who_has_no_card_is_asked_when_charges_are_calculated_and_a_day_before(seller, customer, alice, at, mailoutbox):
    Customer.objects.update(payment_policy=PaymentPolicy.REQUIRED)
    draft = calculated(customer, 4900)
    asked = [ask_for_cards(at=at + timedelta(hours=hours)) for hours in (-72, -60, -24, -20, 0, 24)]
    assert asked == [1, 0, 1, 0, 0, 0]
    deliver_notices(at=at)
    asking = [message for message in mailoutbox if message.subject == "Add a payment method before 20 Oct 2026"]
    assert len(asking) == 2
    assert "$49.00" in asking[0].body
    assert draft.status == "draft"


def test_who_can_add_a_card_is_asked_beside_an_accountant_who_cannot(seller, customer, alice, at):
    Customer.objects.update(payment_policy=PaymentPolicy.REQUIRED)
    BillingProfile.objects.filter(customer=customer).update(recipients=["books@example.com"])
    calculated(customer, 4900)
    ask_for_cards(at=at - 3 * DAY)
    assert Notice.objects.get(template="payment_card_missing").to == ["books@example.com", alice.email]


def test_nobody_is_asked_for_a_card_that_is_there_or_not_needed(seller, customer, alice, at):
    calculated(customer, 4900)
    assert ask_for_cards(at=at - 3 * DAY) == 0
    Customer.objects.update(payment_policy=PaymentPolicy.REQUIRED)
    add_card(customer, alice, at)
    assert ask_for_cards(at=at - 3 * DAY) == 0
