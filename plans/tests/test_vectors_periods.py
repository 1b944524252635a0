"""Flat fees, service and billing periods of a subscription against OpenMeter's cases."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest

from core.periods import Period, midnight, period_of, split, utc_day
from core.tests.vectors import Answer, Case, NotApplicable, Responder, answered, cents, day, duration, instant, tally
from plans import cycle
from plans.fees import fee_amount
from plans.keys import days
from plans.proration import prorate
from plans.tests.vector_words import INSIDE_ITS_PERIOD, UTC_DAYS, summed

ALWAYS_PRORATED = "a part of a period costs its share"
GIVEN_BACK = "what was charged in advance and not used is given back"
PERIODS = ("service_period", "full_service_period", "billing_period")
ONE_DAY = timedelta(days=1)


def days_of(period: dict[str, str]) -> Period:
    """Their instants as our days: a part of a day belongs to what begins on it."""
    return Period(utc_day(instant(period["from"])), utc_day(instant(period["to"])))


def prorated_flat_fee(case: Case) -> Answer:
    asked, amount = case.inputs, cents(case.inputs["amount"])
    part, whole = days_of(asked["service_period"]), days_of(asked["full_service_period"])
    theirs = cents(case.expected["amount"])
    try:
        ours = prorate(amount, part, whole)
    except ValueError:
        return Answer("error", theirs, INSIDE_ITS_PERIOD)
    if not asked["prorating_enabled"]:
        return Answer(ours, theirs, ALWAYS_PRORATED)
    by_the_second = midnight(part.start) != instant(asked["service_period"]["from"])
    if by_the_second and part.start > whole.start:
        return Answer(ours, theirs, UTC_DAYS)
    return summed(ours, amount, part, whole, theirs)


def subscription_lines(case: Case) -> Answer:
    """Fees in advance and in arrears of one subscription over its changes: {(item, version, start): amount}."""
    asked = case.inputs
    start = day(asked["start"])
    if "phases" in asked:
        changes = [start + timedelta(days=int(phase["duration"][1:-1]) * 7) for phase in asked["phases"][:-1]]
        ends = day(asked["cancelled_at"])
        versions = [{item["key"]: item for item in asked["items"]} for _ in asked["phases"]]
    else:
        changes, ends = [day(asked["edit_at"])], None
        [item] = asked["items"]
        versions = [{item["key"]: item}, {item["key"]: {**item, "amount": asked["new_amount"]}}]
    until = ends or day(asked["sync_until"])
    ours = charged_lines(start, changes, until, versions, closed=ends is not None)
    lines = case.expected.get("lines") or [
        {"version": 0, "item_key": item["key"], "amount": case.expected["issued_line_amount"],
         "service_period": {"from": asked["start"]}}, *case.expected["new_lines"],
    ]  # fmt: skip
    phases = {phase["key"]: place for place, phase in enumerate(asked.get("phases", []))}
    theirs = {
        (line["item_key"], phases.get(line.get("phase"), line["version"]), day(line["service_period"]["from"])): cents(
            line["amount"]
        )
        for line in lines
        if line["amount"]
    }
    return Answer(ours, theirs, GIVEN_BACK if asked.get("invoice_state") == "issued" else "")


def charged_lines(
    start: date, changes: list[date], until: date, versions: list[dict[str, dict[str, str]]], *, closed: bool
) -> dict[tuple[str, int, date], int]:
    """Every version is a spell on the same anchor; what is charged and given back of a period is summed."""
    found: dict[tuple[str, int, date], int] = {}
    begins = [start, *changes]
    for version, (on, ends, items) in enumerate(zip(begins, [*changes, until], versions, strict=True)):
        spell = cycle.Spell(start, midnight(on), cycle.first_billing_date(start, midnight(on)))
        closes = closed or version < len(versions) - 1
        fees = [*cycle.starting_slice(spell, one_time=False).fees]
        while spell.next_billing_on < ends if closes else spell.next_billing_on <= until:
            fees += cycle.monthly_slice(spell).fees
            spell = cycle.next_spell(spell)
        fees += cycle.closing_slice(spell, midnight(ends)).fees if closes else ()
        for item in items.values():
            timing = {"flat_in_advance": "in_advance", "flat_in_arrears": "in_arrears"}.get(item["price_type"])
            for fee in fees:
                if (fee.timing, fee.cadence) == (timing, "monthly"):
                    key = (item["key"], version, max(fee.whole.start, on))
                    found[key] = found.get(key, 0) + fee_amount(cents(item["amount"]), fee)
    return {key: amount for key, amount in found.items() if amount}


def anchored_periods(case: Case) -> Answer:
    asked = case.inputs
    anchor, start = day(asked["billing_anchor"]), day(asked["start"])
    until = period_of(anchor, day(asked["generate_until"])).end
    ours = [(part.start, part.end, whole.end) for part, whole in split(anchor, Period(start, until))]
    return Answer(
        ours, [(day(each["from"]), day(each["to"]), day(each["invoice_at"])) for each in case.expected["periods"]]
    )


def billing_periods(case: Case) -> Answer:
    """Every line until a day: item, version and number, service period of its whole one, in which billing period."""
    asked = case.inputs
    bounds = [asked["subscription_start"], asked["billing_anchor"], asked["subscription_end"]]
    start, ends = (day(asked["subscription_start"]), day(asked["subscription_end"] or "9000-01-01"))
    anchor, ours = utc_day(instant(asked["billing_anchor"])), []
    versions: dict[str, int] = {}
    subscribed, billing = Period(start, ends), duration(asked["billing_cadence"])
    for item in asked["items"]:
        version = versions[item["key"]] = versions.get(item["key"], -1) + 1
        begins, until = (
            duration(item[key]).step(instant(asked["subscription_start"])) if item[key] else None
            for key in ("start_after", "end_after")
        )
        bounds += [each.isoformat() for each in (begins, until) if each]
        lived = Period(start, utc_day(until) if until else ends).overlap(subscribed)
        lived = Period(max(lived.start, utc_day(begins)), max(lived.end, utc_day(begins))) if begins else lived
        for number, (part, whole) in enumerate(lines_until(asked, item, anchor, lived.overlap(subscribed))):
            billed = period_of(anchor, part.start, billing).overlap(subscribed)
            ours.append(written(item["key"], version, number, part, whole, billed))
    cut_days = any(instant(each) != midnight(utc_day(instant(each))) for each in bounds if each)
    theirs = [
        written(line["item_key"], line["version"], line["period_index"], *(days_of(line[key]) for key in PERIODS))
        for line in case.expected["lines"]
    ]
    return Answer(sorted(ours), sorted(theirs), UTC_DAYS if cut_days else "")


def written(key: str, version: int, number: int, service: Period, whole: Period, billing: Period) -> str:
    return f"{key} v{version}.{number} {days(service)} of {days(whole)} in {days(billing)}"


def lines_until(
    asked: Mapping[str, Any], item: dict[str, str], anchor: date, lived: Period
) -> list[tuple[Period, Period]]:
    """In advance: what begins by that day; in arrears: what begins before it."""
    if not item["price_type"]:
        return []
    cadence, until = duration(item["cadence"]), day(asked["generate_until"])
    last = until if item["price_type"] == "flat_in_advance" else until - ONE_DAY
    limit = max(lived.start, min(lived.end, period_of(anchor, last, duration(asked["billing_cadence"])).end))
    return list(split(anchor, Period(lived.start, limit), cadence))


def subscription_overlap(case: Case) -> Answer:
    overlapping = [one for one, two in combinations(map(days_of, case.inputs["periods"]), 2) if one.overlap(two).days]
    return Answer(not overlapping, case.expected["allowed"])


def lifecycle(_case: Case) -> NotApplicable:
    return NotApplicable("plans and spells have no statuses that time alone changes")


RESPONDERS: dict[str, Responder] = {
    "prorated_flat_fee": prorated_flat_fee,
    "subscription_lines": subscription_lines,
    "anchored_periods": anchored_periods,
    "billing_periods": billing_periods,
    "subscription_overlap": subscription_overlap,
    "plan_status": lifecycle,
    "subscription_status": lifecycle,
    "subscription_action": lifecycle,
}
TALLIES = {
    "openmeter_proration": {"same": 13, "differ": 5},
    "openmeter_billing_periods": {"same": 7, "differ": 4},
    "openmeter_lifecycle": {"same": 3, "not applicable": 24},
}


def whole_day(key: str, on: str) -> str:
    return f"{key} {on} of {on} in {on}"


FIRST, SECOND, THIRD = "2021-01-01/2021-01-02", "2021-01-02/2021-01-03", "2021-01-03/2021-01-04"
CHANGED_ON_THE_SECOND = [
    whole_day("item-key v0.0", FIRST),
    whole_day("item-key v1.0", SECOND),
    whole_day("item-key v1.1", THIRD),
]
OURS: dict[str, object] = {
    "proration_disabled": 48_39,
    "zero_length_full_period": "error",
    "never_more_than_full": "error",
    "start_mid_month_anchor_first": 7_10,
    "issued_invoice_is_immutable": {
        ("in-advance", 0, date(2024, 1, 1)): 19,  # 6.00 − 5.81
        ("in-advance", 1, date(2024, 1, 2)): 9_68,
        ("in-advance", 1, date(2024, 2, 1)): 10_00,
    },
    "sanity-phase-end": CHANGED_ON_THE_SECOND[:1],
    "active-from-to-missmatching-period": CHANGED_ON_THE_SECOND[:2],
    "aligned in-advance and in-arrears recurring when billing cadence is same as service cadence": [
        whole_day("arrears-key v0.0", FIRST),
        whole_day("arrears-key v0.1", SECOND),
        *CHANGED_ON_THE_SECOND,
    ],
    "aligned flat-fee recurring when billing cadence is same as service cadence": CHANGED_ON_THE_SECOND,
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
