"""Fees of part periods and what is given back at an end, against Lago's cases. Their periods have inclusive ends."""

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from core.money import round_half_away
from core.periods import Period, fraction, period_of, utc_day
from core.tests.vectors import (
    CADENCES,
    MONDAY_1_JANUARY,
    Answer,
    Case,
    NotApplicable,
    Responder,
    answered,
    day,
    inclusive,
    instant,
    tally,
)
from plans.proration import prorate, unused_share
from plans.tests.vector_words import INSIDE_ITS_PERIOD, UTC_DAYS, summed

NO_TRIALS = NotApplicable("there are no trials")
NO_COUPONS = NotApplicable("there are no coupons")


def subscription_fee(case: Case) -> Answer:
    """Their trial days are days that are not lived: the part begins after them."""
    asked, amount = case.inputs, int(case.inputs["plan_amount_cents"])
    given = inclusive(asked["from_date"], asked["to_date"])
    by_calendar = asked["billing_time"] == "calendar"
    whole = period_of(MONDAY_1_JANUARY if by_calendar else day(asked["started_at"]), given.start,
                      CADENCES[asked["interval"]])  # fmt: skip
    lived = whole.overlap(Period(max(given.start, trial_end(asked, given)), max(given.end, trial_end(asked, given))))
    ours = (prorate(amount, lived, whole) if lived.days else 0, lived.days, whole.days)
    theirs = tuple(int(case.expected[key]) for key in ("amount_cents", "billed_days", "period_days"))
    if given.end > whole.end:
        return Answer(ours, theirs, INSIDE_ITS_PERIOD)
    return Answer(ours, theirs, summed(ours[0], amount, lived, whole, theirs[0]).rule)


def trial_end(asked: Mapping[str, Any], given: Period) -> date:
    if asked.get("trial_ends"):
        return day(asked["trial_ends"])
    return (
        day(asked["started_at"]) + timedelta(days=int(asked["trial_days"])) if asked.get("trial_days") else given.start
    )


def with_tax(item: int, rate: str) -> int:
    return item + round_half_away(Fraction(item) * Fraction(rate) / 100)


def lago_period(asked: Mapping[str, Any], on: date, anchor: str | None) -> Period:
    return period_of(day(anchor) if anchor and asked["billing_time"] == "anniversary" else MONDAY_1_JANUARY, on)


def upgrade_in_advance(case: Case) -> Answer:
    asked, on = case.inputs, day(case.inputs["at"])
    whole = lago_period(asked, on, asked.get("subscription_at") or asked["at"])
    rest = Period(on, whole.end)
    old = asked["previous_plan_amount_cents"]
    ours = {
        "fee_cents": prorate(int(asked["plan_amount_cents"]), rest, whole),
        "billed_days": rest.days,
        "period_days": whole.days,
        "credit_note_with_tax_cents": with_tax(unused_share(int(old), rest, whole), asked["tax_rate"]) if old else 0,
    }
    return Answer({key: ours[key] for key in case.expected}, {key: int(each) for key, each in case.expected.items()})


def terminate_in_advance(case: Case) -> Answer:
    """Opened and closed on one day: ours charges nothing for it, theirs the day."""
    asked = case.inputs
    start = asked.get("subscribed_at") or asked["subscribed_and_terminated_on"]
    whole = lago_period(asked, day(start), start)
    rest = Period(day(start), whole.end)
    charged = prorate(int(asked["plan_amount_cents"]), rest, whole)
    back = unused_share(int(asked["plan_amount_cents"]), rest, whole)
    note = case.expected["credit_note"]
    total = case.expected.get("invoice_total_cents") or case.expected["invoice"]["total_cents"]
    return Answer(
        (with_tax(charged, asked["tax_rate"]), back, with_tax(back, asked["tax_rate"])),
        (int(total), int(note["sub_total_cents"]), int(note["total_cents"])),
        UTC_DAYS,
    )


def termination_credit(case: Case) -> Answer | NotApplicable:
    """(item, with tax). Who gets it – open invoices, the card, the next invoice – is the document's settlement."""
    asked = case.inputs
    if asked.get("trial_days"):
        return NO_TRIALS
    if asked.get("coupon_cents", "0") != "0":
        return NO_COUPONS
    amount = int(asked.get("fee_plan_amount_cents") or asked["plan_amount_cents"])
    charged = 0 if asked.get("invoice_voided") else amount
    on = utc_day(instant(asked["terminated_at"]))
    whole = period_of(MONDAY_1_JANUARY, on)
    back = unused_share(charged, Period(on, whole.end), whole, int(asked.get("earlier_credit_note_item_cents", 0)))
    ours = (back, with_tax(back, asked["tax_rate"]))
    if "item_cents" not in case.expected:
        return Answer(ours, (0, 0))
    theirs = (int(case.expected["item_cents"]), int(case.expected["total_cents"]))
    as_ours = int(case.expected["unused_days"]) == (whole.end - on).days
    return Answer(ours, theirs, "" if as_ours else UTC_DAYS)


def commitment_coefficient(case: Case) -> Answer:
    part = inclusive(case.inputs["from_date"], case.inputs["to_date"])
    return Answer(fraction(part, inclusive(*case.inputs["period"])), Fraction(case.expected["coefficient"]))


def minimum_true_up(case: Case) -> Answer:
    asked, minimum = case.inputs, Fraction(case.inputs["minimum_cents"])
    if "from_date" in asked:
        minimum *= Fraction(inclusive(asked["from_date"], asked["to_date"]).days, int(asked["period_days"]))
    ours = max(round_half_away(minimum - int(asked["used_cents"])), 0)
    return Answer(ours or None, case.expected["true_up_cents"] and int(case.expected["true_up_cents"]))


def subscription_fee_adjusted(_case: Case) -> NotApplicable:
    return NotApplicable("a fee has the price of its plan version; staff corrects by a credit note")


RESPONDERS: dict[str, Responder] = {
    "subscription_fee": subscription_fee,
    "subscription_fee_adjusted": subscription_fee_adjusted,
    "upgrade_in_advance": upgrade_in_advance,
    "terminate_in_advance": terminate_in_advance,
    "terminate_in_advance_paid": terminate_in_advance,
    "termination_credit": termination_credit,
    "commitment_coefficient": commitment_coefficient,
    "minimum_true_up": minimum_true_up,
}
TALLIES = {"lago_proration_and_credit_notes": {"same": 24, "differ": 16, "not applicable": 9}}
OURS: dict[str, object] = {
    "anniversary_31_aug_trial_15_in_advance": (1_500, 15, 30),
    "terminate_in_advance_same_day_tokyo": (4_500, 3_750, 4_500),
    "terminate_in_advance_same_day_los_angeles": (4_500, 3_750, 4_500),
    "terminate_in_advance_same_day_anniversary": (6_000, 5_000, 6_000),
    "termination_credit_note_200eur_25pct": (25_000, 20_000, 25_000),
    "termination_credit_note_160eur_25pct": (20_000, 16_000, 20_000),
    "termination_credit_fee_recorded_at_other_price": (3_400, 4_080),
    **dict.fromkeys(
        [
            "termination_credit_default",
            "termination_refund_fully_paid",
            "termination_refund_partly_paid",
            "termination_refund_payment_below_use",
            "termination_refund_with_earlier_credit_note",
            "termination_offset_fully_paid",
            "termination_offset_partly_paid",
            "termination_offset_payment_below_use",
            "termination_offset_unpaid",
        ],
        (1_700, 2_040),
    ),
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
