"""Proration against the cases of Kill Bill and Flexprice. Theirs with inclusive ends are asked half-open."""

from datetime import date, timedelta

import pytest

from core.periods import Period, midnight, period_of, split
from core.tests.vectors import (
    CADENCES,
    MONDAY_1_JANUARY,
    Answer,
    Case,
    NotApplicable,
    Responder,
    answered,
    cents,
    day,
    inclusive,
    tally,
)
from plans import cycle
from plans.fees import FeeFacts, fee_amount
from plans.proration import cap_credit, prorate, unused_share
from plans.tests.vector_words import summed

REAL_MONTHS = "a month has the days it has"
ONE_DAY = timedelta(days=1)


# --- Kill Bill -------------------------------------------------------------------------------------------------------


def prorated_charge(case: Case) -> Answer:
    asked, amount = case.inputs, cents(case.inputs["rate"])
    part = Period(day(asked["charge_start"]), day(asked["charge_end"]))
    whole = Period(day(asked["period_start"]), day(asked["period_end"]))
    theirs = cents(case.expected["amount"])
    if asked.get("fixed_days_in_month") not in (None, whole.days):
        return Answer(prorate(amount, part, whole), theirs, REAL_MONTHS)
    return summed(prorate(amount, part, whole), amount, part, whole, theirs)


def unused_time_credit(case: Case) -> Answer:
    asked, amount = case.inputs, cents(case.inputs["billed_amount"])
    part = Period(day(asked["credit_start"]), day(asked["credit_end"]))
    whole = Period(day(asked["billed_start"]), day(asked["billed_end"]))
    given_back = -cents(asked["prior_item_adjustments"])
    ours, theirs = unused_share(amount, part, whole, given_back), -cents(case.expected["amount"])
    if asked.get("fixed_days_in_month") not in (None, whole.days):
        return Answer(ours, theirs, REAL_MONTHS)
    return summed(ours, amount, part, whole, theirs)


def account_timeline(case: Case) -> Answer:
    """In advance, period by period: each step charges what began by its day and is not charged; a pause catches up."""
    spells: list[tuple[int, Period, date, int]] = []
    charged: set[tuple[int, Period]] = set()
    paused: set[int] = set()
    ours: list[dict[str, object]] = []
    for step in case.inputs["steps"]:
        target = day(step.get("target_date", "9999-01-01"))
        spells += timeline_spells(step.get("events", []))
        paused = (paused | set(step.get("suspend_invoicing", []))) - set(step.get("resume_invoicing", []))
        items = [
            (key, amount)
            for key, amount in timeline_items(spells, target)
            if key not in charged and key[0] not in paused
        ]
        charged |= {key for key, _ in items}
        first = min((part.start for (_, part), _ in items), default=None)
        amount = sum(amount for _, amount in items)
        ours.append({"new_items": len(items), "new_amount": amount, "item_start": first, "target_date": target})
    theirs = [
        {key: cents(value) if key == "new_amount" else day(value) if "_" in key and key != "new_items" else value
         for key, value in step.items()}
        for step in case.expected["steps"]
    ]  # fmt: skip
    return Answer([{key: found[key] for key in asked} for found, asked in zip(ours, theirs, strict=True)], theirs)


def timeline_spells(events: list[dict[str, object]]) -> list[tuple[int, Period, date, int]]:
    """(subscription, days, anchor, amount): each event lasts until the next one of its subscription."""
    found = []
    for place, event in enumerate(events):
        later = [day(str(each["effective_date"])) for each in events[place + 1 :]
                 if each["subscription"] == event["subscription"]]  # fmt: skip
        start = day(str(event["effective_date"]))
        rate = event.get("rate") or event.get("fixed_price")
        anchor = MONDAY_1_JANUARY.replace(day=int(str(event["bill_cycle_day"])))
        if event.get("fixed_price") is not None:
            later = [start + ONE_DAY]  # once: one day, charged in full because it costs nothing here
        found.append((int(str(event["subscription"])), Period(start, min(later, default=date.max)), anchor,
                      cents(str(rate))))  # fmt: skip
    return found


def timeline_items(spells: list[tuple[int, Period, date, int]], target: date) -> list[tuple[tuple[int, Period], int]]:
    return [
        ((number, part), prorate(amount, part, whole))
        for number, lived, anchor, amount in spells
        if lived.start <= target
        for part, whole in split(anchor, Period(lived.start, min(lived.end, period_of(anchor, target).end)))
    ]


def account_timeline_rewrite(case: Case) -> Answer:
    """Another plan from the first day on: all of the old fee back, the new one charged."""
    first, second = case.inputs["steps"]
    [old], [new] = first["events"], second["replace_all_events"]
    start = midnight(day(old["effective_date"]))
    anchor = start.date().replace(day=case.inputs["bill_cycle_day"])
    spell = cycle.Spell(anchor, start, cycle.first_billing_date(anchor, start))
    steps = [
        [fee_amount(cents(old["rate"]), fee) for fee in monthly(cycle.starting_slice(spell), "in_advance")],
        [fee_amount(cents(old["rate"]), fee) for fee in monthly(cycle.closing_slice(spell, start), "in_advance")]
        + [fee_amount(cents(new["rate"]), fee) for fee in monthly(cycle.starting_slice(spell), "in_advance")],
    ]
    theirs = case.expected["steps"]
    assert sum(steps[0]) - cents(first["payment"]) == cents(theirs[0]["invoice_balance_after_payment"])
    return Answer(
        [len(steps[0]), len(steps[1]), sum(steps[1])],
        [theirs[0]["new_items"], theirs[1]["new_items"], cents(theirs[1]["new_amount"])],
    )


def monthly(piece: cycle.Slice, timing: str) -> list[FeeFacts]:
    return [fee for fee in piece.fees if (fee.timing, fee.cadence) == (timing, "monthly")]


# --- Flexprice -------------------------------------------------------------------------------------------------------


def plan_change_proration(case: Case) -> Answer | NotApplicable:
    asked = case.inputs
    if "old_price" not in asked:
        return NotApplicable("a customer's time zone decides nothing")
    whole = inclusive(asked["period_start"], asked["period_end_inclusive"])
    rest = Period(day(asked["change_date"]), whole.end)
    old, new = (
        cents(asked[f"{which}_price"]) * int(asked[f"{which}_quantity"]) if asked[f"{which}_price"] else None
        for which in ("old", "new")
    )
    credit = None if old is None else -unused_share(old, rest, whole)
    charge = None if new is None else prorate(new, rest, whole)
    ours = {
        "net": (credit or 0) + (charge or 0),
        "credit": credit,
        "charge": charge,
        "remaining_days": rest.days,
        "total_days": whole.days,
    }
    theirs = {
        key: value if value is None else int(value) if key.endswith("days") else cents(value)
        for key, value in case.expected.items()
    }
    return Answer({key: ours[key] for key in theirs}, theirs)


def credit_cap(case: Case) -> Answer:
    asked = case.inputs
    ours = cap_credit(*(cents(asked[key]) for key in ("potential_credit", "original_amount", "previous_credits")))
    return Answer(ours, cents(case.expected["credit"]))


def mixed_cadence_fixed_charges(case: Case) -> Answer:
    """In advance: periods that begin in [start, end); in arrears: those that end in (start, end]."""
    start, items = day(case.inputs["start"]), case.inputs["items"]
    ours = []
    for span in (Period(*map(day, each)) for each in case.inputs["invoice_periods"]):
        due = 0
        for item in items:
            cadence, shift = CADENCES[item["period"]], ONE_DAY if item["cadence"] == "advance" else timedelta(0)
            first, last = (cadence.number_at(start, on - shift) for on in (span.start, span.end))
            due += cents(item["amount"]) * (last - max(first, 0 if item["cadence"] == "arrear" else -1))
        ours.append(due)
    return Answer(ours, [cents(total) for total in case.expected["totals"]])


def elsewhere(why: str) -> Responder:
    return lambda _case: NotApplicable(why)


DOCUMENTS = elsewhere("documents and payments, not the calendar: invoices settle them")
RESPONDERS: dict[str, Responder] = {
    "prorated_charge": prorated_charge,
    "unused_time_credit": unused_time_credit,
    "account_timeline": account_timeline,
    "account_timeline_rewrite": account_timeline_rewrite,
    "account_ledger": DOCUMENTS,
    "refund_amount": DOCUMENTS,
    "plan_change_proration": plan_change_proration,
    "credit_cap": credit_cap,
    "credit_grant_proration": elsewhere("a grant of credits is never shared by time"),
    "cumulative_commitment": elsewhere("a minimum belongs to one usage window"),
    "mixed_cadence_fixed_charges": mixed_cadence_fixed_charges,
}
TALLIES = {
    "killbill_money": {"same": 42, "differ": 5, "not applicable": 15},
    "flexprice_proration": {"same": 9, "not applicable": 7},
}
OURS = {
    "addon_bcd_realign_half_up": 199_99,
    "leading_proration_bcd10": 74_98,
    "tree_cancel_middle": 4_64,
    "fixed30_trailing_1b": 5_15,
    "fixed30_trailing_2a": 14_80,
}


@pytest.mark.parametrize(("case", "answer"), answered(TALLIES, RESPONDERS))
def test_it_agrees_with_every_case_whose_rule_is_ours(case: Case, answer: Answer) -> None:
    if answer.rule:
        assert answer.ours == OURS[case.name] != answer.theirs, answer.rule
    else:
        assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", TALLIES)
def test_it_leaves_no_case_out(file: str) -> None:
    assert tally(file, RESPONDERS) == TALLIES[file]
