"""Dunning as a pure function: what is due, and not before when, whatever was paid, delivered or slept through."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import utc_day
from invoices.dunning import DunningState, OverdueNotice, Policy, Step, UnpaidInvoice, dunning, next_try

T0 = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)
YESTERDAY = T0.date() - DAY
WEEK = 7 * DAY
PLUS = Policy((0, 3, 7, 14), WEEK, "downgrade")
HOLD = replace(PLUS, consequence="hold")
MILD = replace(PLUS, consequence="none")
RETRY_DAYS = (3, 5, 7)


def declined(number: int = 1, at: datetime = T0, **values) -> UnpaidInvoice:
    """An invoice whose card was declined on its due date."""
    return UnpaidInvoice(id=number, due_on=at.date(), **({"declined_at": at} | values))


def sent(number: int = 1, due_on: date = YESTERDAY, **values) -> UnpaidInvoice:
    """An invoice to be paid by transfer, overdue from midnight after its due date."""
    return UnpaidInvoice(id=number, due_on=due_on, **values)


def told(*days: float, number: int = 1, warns_of: str = "") -> list[OverdueNotice]:
    return [OverdueNotice(number, T0 + day * DAY, warns_of) for day in days]


def kinds(steps) -> list[tuple[str, float]]:
    """Steps as (kind, days after T0), rounded to the day."""
    return [(step.kind, (utc_day(step.at) - T0.date()).days) for step in steps]


# --- tries ----------------------------------------------------------------------------------------------------------
def test_a_card_is_tried_again_on_days_three_five_and_seven():
    tries = [T0]
    while (following := next_try(tries, "card_declined", RETRY_DAYS)) is not None:
        tries.append(following)
    assert [(each - T0).days for each in tries] == [0, 3, 5, 7]


def test_a_late_try_moves_the_ones_after_it():
    assert next_try([T0, T0 + 10 * DAY], "insufficient_funds", RETRY_DAYS) == T0 + 12 * DAY
    assert next_try([T0, T0 + 10 * DAY, T0 + 12 * DAY], "insufficient_funds", RETRY_DAYS) == T0 + 14 * DAY


@pytest.mark.parametrize("code", ["stolen_card", "expired_card", "lost_card"])
def test_a_card_that_will_never_pay_is_not_tried_again(code):
    assert next_try([T0], code, RETRY_DAYS) is None


# --- the ladder -----------------------------------------------------------------------------------------------------
def test_nothing_unpaid_is_clear():
    assert dunning([], told(0, 14, warns_of="downgrade"), PLUS, T0 + 99 * DAY).state == "clear"


def test_what_is_not_overdue_yet_is_clear():
    state = dunning([sent(due_on=T0.date())], [], PLUS, T0)
    assert (state.state, state.steps, state.due) == (DunningState.CLEAR, (), None)


def test_while_tries_are_left_their_outcomes_are_the_messages():
    state = dunning([declined(next_try=T0 + 3 * DAY)], told(0), PLUS, T0 + DAY)
    assert (state.state, state.due) == ("overdue", None)
    assert kinds(state.steps) == [("try", 3), ("final", 14), ("consequence", 21)]


def test_after_the_last_decline_comes_the_final_warning_on_day_fourteen():
    invoices, messages = [declined()], told(0, 3, 5, 7)
    assert dunning(invoices, messages, PLUS, T0 + 13 * DAY).due is None
    due = dunning(invoices, messages, PLUS, T0 + 14 * DAY).due
    assert due is not None
    assert (due.kind, due.invoice_id, due.stage) == ("final", 1, 3)


def test_the_consequence_counts_from_the_delivery_of_the_warning():
    queued = [*told(0, 3, 5, 7), OverdueNotice(1, None, "downgrade")]
    assert dunning([declined()], queued, PLUS, T0 + 60 * DAY).due is None
    delivered = [*told(0, 3, 5, 7), *told(20, warns_of="downgrade")]
    state = dunning([declined()], delivered, PLUS, T0 + 27 * DAY - timedelta(seconds=1))
    assert (state.state, state.due) == ("warned", None)
    state = dunning([declined()], delivered, PLUS, T0 + 27 * DAY)
    assert (state.state, state.due) == ("consequence", Step("consequence", T0 + 27 * DAY, 1))


def test_a_warning_of_something_else_is_no_warning():
    messages = [*told(0, 3, 5, 7), *told(14, warns_of="hold")]
    state = dunning([declined()], messages, PLUS, T0 + 21 * DAY)
    assert state.due is not None
    assert (state.state, state.due.kind) == ("overdue", "final")


def test_without_a_consequence_the_last_message_is_a_reminder_and_then_nothing_comes():
    due = dunning([sent()], told(0, 3, 7), MILD, T0 + 14 * DAY).due
    assert due is not None
    assert (due.kind, due.stage) == ("reminder", 3)
    state = dunning([sent()], told(0, 3, 7, 14), MILD, T0 + 90 * DAY)
    assert (state.state, state.due, state.steps) == ("overdue", None, ())


def test_invoices_paid_by_transfer_are_reminded_by_their_due_date():
    days = []
    messages: list[OverdueNotice] = []
    for day in range(40):
        if dunning([sent()], messages, MILD, T0 + day * DAY).tells:
            days.append(day)
            messages += told(day)
    assert days == [0, 3, 7, 14]


def test_after_downtime_one_message_goes_out_and_the_others_keep_their_distance():
    days = []
    messages: list[OverdueNotice] = []
    for day in range(10, 60):
        due = dunning([sent()], messages, PLUS, T0 + day * DAY).due
        if due is not None:
            days.append((due.kind, day))
            messages += told(day, warns_of="downgrade" if due.kind == "final" else "")
        if due is not None and due.kind == "consequence":
            break
    assert days == [("reminder", 10), ("reminder", 13), ("reminder", 17), ("final", 24), ("consequence", 31)]


def test_a_message_in_the_outbox_keeps_the_next_one_back():
    assert dunning([sent()], [OverdueNotice(1, None)], PLUS, T0 + 30 * DAY).due is None


@pytest.mark.parametrize("unresolved", [1, 2])
def test_a_payment_without_an_outcome_holds_everything_up(unresolved):
    """Also where it is of another invoice, and whatever was said before."""
    invoices = [replace(each, is_unresolved=each.id == unresolved) for each in (declined(1), sent(2, T0.date() + WEEK))]
    state = dunning(invoices, told(14, warns_of="downgrade"), PLUS, T0 + 60 * DAY)
    assert (state.state, state.waits, state.due, state.steps) == ("warned", True, None, ())


def test_a_consequence_waits_for_a_try_that_is_planned():
    state = dunning([declined(next_try=T0 + 30 * DAY)], told(14, warns_of="hold"), HOLD, T0 + 29 * DAY)
    assert state.due is None


def test_a_reminder_waits_for_a_card_that_is_tried_now():
    invoices = [sent(1), declined(2, T0 + DAY, next_try=T0 + 4 * DAY)]
    assert dunning(invoices, [], PLUS, T0 + 4 * DAY).due is None


# --- several invoices -----------------------------------------------------------------------------------------------
def test_where_only_the_oldest_is_paid_the_next_one_begins_its_own_story():
    second = declined(2, T0 + 10 * DAY)
    messages = [*told(0, 3, 5, 7), *told(14, warns_of="downgrade"), *told(10, 13, 15, 17, number=2)]
    assert dunning([declined(), second], messages, PLUS, T0 + 21 * DAY).state == "consequence"
    state = dunning([second], messages, PLUS, T0 + 21 * DAY)
    assert (state.state, state.due, kinds(state.steps)) == ("overdue", None, [("final", 24), ("consequence", 31)])


def test_several_invoices_are_one_ladder_at_a_time():
    invoices = [sent(2), sent(1), sent(3, T0.date())]
    due = dunning(invoices, [], PLUS, T0 + 5 * DAY).due
    assert due is not None
    assert (due.invoice_id, due.stage) == (1, 0)
    assert dunning(invoices, told(5), PLUS, T0 + 5 * DAY).due is None


def test_a_new_failure_after_recovery_is_a_new_story():
    messages = [*told(0, 3, 5, 7), *told(14, warns_of="downgrade")]
    state = dunning([declined(2, T0 + 30 * DAY, next_try=T0 + 33 * DAY)], messages, PLUS, T0 + 31 * DAY)
    assert (state.state, kinds(state.steps)[-1]) == ("overdue", ("consequence", 51))


# --- whatever happens -----------------------------------------------------------------------------------------------
instants = st.integers(0, 60 * 24).map(lambda hours: T0 + timedelta(hours=hours))
invoices_of = st.lists(
    st.builds(
        UnpaidInvoice,
        id=st.integers(1, 4),
        due_on=instants.map(utc_day),
        declined_at=st.none() | instants,
        next_try=st.none() | instants,
        is_unresolved=st.integers(0, 9).map(lambda chance: chance == 0),
    ),
    unique_by=lambda invoice: invoice.id,
    max_size=4,
)
notices_of = st.lists(
    st.builds(
        OverdueNotice,
        invoice_id=st.integers(1, 4),
        delivered_at=st.none() | instants,
        warns_of=st.sampled_from(["", "downgrade", "hold"]),
    ),
    max_size=12,
)
policies = st.sampled_from([PLUS, HOLD, MILD, Policy((2, 9), 10 * DAY, "hold")])


@given(invoices_of, notices_of, policies, instants)
def test_there_is_never_a_consequence_without_a_warning_delivered_in_time(invoices, notices, policy, at):
    state = dunning(invoices, notices, policy, at)
    if state.due is not None and state.due.kind == "consequence":
        own = [each for each in notices if each.invoice_id == state.due.invoice_id and each.warns_of]
        assert any(
            each.delivered_at and each.delivered_at + policy.patience <= at and each.warns_of == policy.consequence
            for each in own
        )
        assert not any(invoice.is_unresolved for invoice in invoices)
        assert state.due.invoice_id in {invoice.id for invoice in invoices if invoice.overdue_since <= at}


@given(invoices_of, notices_of, policies, instants, st.randoms())
def test_the_order_of_invoices_and_messages_does_not_matter(invoices, notices, policy, at, chance: random.Random):
    mixed, shuffled = chance.sample(invoices, len(invoices)), chance.sample(notices, len(notices))
    assert dunning(mixed, shuffled, policy, at) == dunning(invoices, notices, policy, at)


@given(invoices_of, notices_of, policies, instants, st.timedeltas(timedelta(0), 60 * DAY))
def test_time_alone_never_makes_it_milder(invoices, notices, policy, at, later):
    """While nothing becomes overdue that changes whose turn it is, and nothing is paid or tried."""
    still = [replace(invoice, next_try=None) for invoice in invoices]
    order = list(DunningState)
    before, after = (dunning(still, notices, policy, when).state for when in (at, at + later))
    assert order.index(before) <= order.index(after)


@given(invoices_of, notices_of, policies, instants)
def test_what_was_told_is_not_due_again_at_once(invoices, notices, policy, at):
    """Idempotent: the message that is due, delivered now, leaves no second one for this run."""
    state = dunning(invoices, notices, policy, at)
    if state.due is not None and state.tells:
        named = policy.consequence if state.due.kind == "final" else ""
        following = dunning(invoices, [*notices, OverdueNotice(state.due.invoice_id, at, named)], policy, at).due
        assert following is None or following.invoice_id != state.due.invoice_id


@dataclass
class Collector:
    """One customer's invoices as the house collects them, with a card that always declines, hour by hour or seldom."""

    policy: Policy
    invoices: dict[int, UnpaidInvoice] = field(default_factory=dict)
    declines: dict[int, list[datetime]] = field(default_factory=dict)
    notices: list[OverdueNotice] = field(default_factory=list)
    done: list[tuple[str, datetime]] = field(default_factory=list)

    def run(self, at: datetime) -> None:
        state = dunning(self.invoices.values(), self.notices, self.policy, at)
        if state.due is not None and state.due.kind == "consequence":
            self.done.append(("consequence", at))
            self.invoices.clear()
            return
        if state.due is not None:
            self.done.append((state.due.kind, at))
            warns_of = self.policy.consequence if state.due.kind == "final" else ""
            self.notices.append(OverdueNotice(state.due.invoice_id, at, warns_of))
        for invoice in list(self.invoices.values()):
            if invoice.next_try and invoice.next_try <= at:
                made = self.declines.setdefault(invoice.id, [])
                made.append(at)
                self.done.append(("try", at))
                self.invoices[invoice.id] = replace(
                    invoice, declined_at=made[0], next_try=next_try(made, "card_declined", RETRY_DAYS)
                )
                self.notices.append(OverdueNotice(invoice.id, at))


@given(st.lists(st.integers(1, 24 * 20), min_size=60, max_size=120), policies)
def test_however_seldom_it_runs_every_step_keeps_its_distance(pauses, policy):
    story, at = Collector(policy, {1: UnpaidInvoice(1, T0.date(), next_try=T0)}), T0
    for hours in pauses:
        story.run(at)
        at += timedelta(hours=hours)
    tries = [when for kind, when in story.done if kind == "try"]
    assert tries[0] == T0
    assert all(later - earlier >= gap * DAY for earlier, later, gap in zip(tries, tries[1:], (3, 2, 2), strict=False))
    instants = [when for _, when in story.done]
    assert len(set(instants)) == len(instants)  # never two things in one run
    finals = [when for kind, when in story.done if kind == "final"]
    ends = [when for kind, when in story.done if kind == "consequence"]
    assert len(finals) <= 1
    assert all(end - finals[0] >= policy.patience for end in ends)
