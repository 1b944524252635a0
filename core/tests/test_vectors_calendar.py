"""The calendar against the cases of four billing engines: billing dates, recurrence, steps, shares of a period."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.cadence import Cadence, add_months
from core.periods import Period, calculation_instant, fraction, midnight, next_billing_date, period_of, split, utc_day
from core.tests.vectors import (
    CADENCES,
    MONDAY_1_JANUARY,
    Answer,
    Case,
    NotApplicable,
    Responder,
    answered,
    day,
    duration,
    instant,
    nine_decimals,
    tally,
)

UTC_DAYS = "billing boundaries are UTC days, whatever the customer's time zone"
FROM_THE_ANCHOR = "the period before a clamped date is counted from the anchor, too, not from that date"
REAL_MONTHS = "a month has the days it has"
SHORT_FIRST_PERIOD = "the next boundary after a day is the next one, also in the same year"
EARLY_USAGE = "usage is calculated three days before the billing date"


def bill_cycle_anchor(start: date, bill_cycle_day: int, cadence: Cadence) -> date:
    """An anchor of ours with the same boundaries as a bill cycle day: before the start, in a month that has the day."""
    if not cadence.months:
        return start
    before = [add_months(start.replace(day=1), -cadence.months * number) for number in range(1, 13)]
    longest = max(before, key=lambda first: min((add_months(first, 1) - first).days, bill_cycle_day))
    return longest.replace(day=min(bill_cycle_day, (add_months(longest, 1) - longest).days))


def billed_until(case: Case) -> tuple[date, Period]:
    """The anchor, and the days that are charged by the target date: in advance or in arrears. ValueError: none yet."""
    asked, cadence = case.inputs, CADENCES[case.inputs["billing_period"]]
    start, target = day(asked["start_date"]), day(asked["target_date"])
    ends = day(asked["end_date"]) if asked["end_date"] else date.max
    anchor = bill_cycle_anchor(start, asked["bill_cycle_day"], cadence)
    lived = Period(start, max(Period(start, ends).end, Period(start, target).start))
    running = period_of(anchor, target, cadence)
    if asked["billing_mode"] == "in_advance":
        until = min(lived.end, running.end)
    else:
        until = ends if ends <= target else running.start
    return anchor, Period(start, max(start, until))


def cycles(case: Case) -> Answer:
    """How many periods are charged, parts as shares of their period."""
    cadence = CADENCES[case.inputs["billing_period"]]
    theirs = case.expected.get("number_of_cycles")
    try:
        anchor, days = billed_until(case)
    except ValueError:
        return Answer("error", "error" if "error" in case.expected else theirs)
    parts = list(split(anchor, days, cadence))
    charged = sum((nine_decimals(fraction(part, whole)) for part, whole in parts), Decimal(0))
    by_anchor = any(
        part != whole and add_months(whole.end, -cadence.months) != whole.start for part, whole in parts[:1]
    )
    return Answer(charged, Decimal(theirs) if theirs else "error", FROM_THE_ANCHOR if by_anchor else "")


def service_periods(case: Case) -> Answer:
    anchor, days = billed_until(case)
    parts = split(anchor, days, CADENCES[case.inputs["billing_period"]])
    return Answer(
        [[part.start, part.end] for part, _ in parts], [[*map(day, each)] for each in case.expected["periods"]]
    )


def first_bill_date(case: Case) -> Answer:
    asked, cadence = case.inputs, CADENCES[case.inputs["billing_period"]]
    start = day(asked["start_date"])
    anchor = bill_cycle_anchor(start, asked["bill_cycle_day"], cadence)
    return Answer(cadence.next(anchor, start, inclusive=True), day(case.expected["first_bill_date"]))


def billing_interval(case: Case) -> Answer | NotApplicable:
    if case.inputs["in_arrear_mode"] == "greedy":
        return NotApplicable("nothing in arrears is charged before its billing date")
    cadence = CADENCES[case.inputs["billing_period"]]
    anchor, days = billed_until(case)
    ours = {
        "has_something_to_bill": days.days > 0,
        "first_bill_date": cadence.next(anchor, days.start, inclusive=True),
        "last_bill_date": cadence.previous(anchor, days.end, inclusive=True),
        "effective_end_date": days.end,
        "next_bill_date": cadence.next(anchor, days.end),
    }
    theirs = {key: value if isinstance(value, bool) else day(value) for key, value in case.expected.items()}
    return Answer({key: ours[key] for key in theirs}, theirs)


def leading_proration(case: Case) -> Answer:
    first = day(case.inputs["first_bill_date"])
    return share(case, Period(day(case.inputs["start_date"]), first), Period(add_months(first, -1), first))


def trailing_proration(case: Case) -> Answer:
    last = day(case.inputs["last_bill_date"])
    return share(case, Period(last, day(case.inputs["end_date"])), Period(last, add_months(last, 1)))


def share(case: Case, part: Period, whole: Period) -> Answer:
    fixed = case.inputs["fixed_days_in_month"]
    rule = REAL_MONTHS if fixed not in (0, whole.days) else ""
    return Answer(nine_decimals(fraction(part, whole)), Decimal(case.expected["fraction"]), rule)


def days_with_fixed_month(case: Case) -> Answer:
    span = Period(day(case.inputs["start_date"]), day(case.inputs["end_date"]))
    months = list(split(span.start.replace(day=1), span))
    as_fixed = all(whole.days == case.inputs["fixed_days_in_month"] for _, whole in months[:-1])
    return Answer(span.days, case.expected["days"], "" if as_fixed else REAL_MONTHS)


def whole_periods(case: Case) -> Answer:
    cadence = CADENCES[case.inputs["billing_period"]]
    ours = cadence.number_at(day(case.inputs["start_date"]), day(case.inputs["end_date"]))
    return Answer(ours, case.expected["whole_periods"])


def series(case: Case) -> Answer:
    cadence, first = CADENCES[case.inputs["billing_period"]], day(case.inputs["from_date"])
    way = 1 if case.kind == "advance_series" else -1
    ours = [cadence.step(first, way * number) for number in range(case.inputs["count"] + 1)]
    return Answer(ours, [day(each) for each in case.expected["dates"]])


def next_billing(case: Case) -> Answer:
    """Their days are local, ours UTC: asked in the customer's zone, the rule is the same."""
    asked, zone = case.inputs, ZoneInfo(case.inputs["timezone"])
    anchor, now = (instant(asked[key]).astimezone(zone) for key in ("billing_anchor", "current_period_start"))
    one = CADENCES[asked["period"]]
    number = int(asked["count"])
    cadence = Cadence(one.months * number, one.days * number)
    following = cadence.next(anchor.date(), now.date())
    ours = datetime.combine(following, anchor.timetz())
    if asked.get("subscription_end"):
        ours = min(ours, instant(asked["subscription_end"]))
    this_year = add_months(anchor.date(), 12 * (now.year - anchor.year))
    ahead_in_year = asked["period"] == "annual" and now.date() < this_year
    return Answer(ours, instant(case.expected["next"]), SHORT_FIRST_PERIOD if ahead_in_year else "")


def calendar_anchor(case: Case) -> Answer:
    ours = CADENCES[case.inputs["period"]].next(MONDAY_1_JANUARY, utc_day(instant(case.inputs["start"])))
    return Answer(midnight(ours), instant(case.expected["anchor"]))


def add_month_clamped(case: Case) -> Answer:
    anchor = MONDAY_1_JANUARY.replace(day=int(case.inputs["anchor_day"]))
    ours = next_billing_date(anchor, utc_day(instant(case.inputs["from_date"])))
    return Answer(midnight(ours), instant(case.expected["date"]))


def calendar_days(case: Case) -> Answer:
    span = Period(*(utc_day(instant(case.inputs[key])) for key in ("start", "end")))
    return Answer(span.days, int(case.expected["days"]))


def lago_anchor(case: Case) -> date:
    return MONDAY_1_JANUARY if case.inputs["billing_time"] == "calendar" else day(case.inputs["subscription_at"])


def monthly_boundary(case: Case) -> Answer:
    """Their `to` is the last second of a period."""
    asked, anchor = case.inputs, lago_anchor(case)
    billed = period_of(anchor, day(asked["billing_at"]))
    if asked.get("terminated_at"):
        billed = period_of(anchor, day(asked["terminated_at"]))
    elif not asked["pay_in_advance"]:
        billed = period_of(anchor, billed.start - timedelta(days=1))
    if asked["boundary"] == "from":
        ours = midnight(max(billed.start, day(asked["subscription_at"])))
    else:
        ours = midnight(billed.end) - timedelta(seconds=1)
    return Answer(ours, instant(case.expected["instant"]), "" if asked["timezone"] == "UTC" else UTC_DAYS)


def billing_boundaries(case: Case) -> Answer:
    """Fees of the same periods; only our usage windows end three days earlier."""
    asked, anchor = case.inputs, lago_anchor(case)
    theirs = [(day(each["from_date"]), instant(each["to"])) for each in case.expected["invoices"]]
    ours = [
        (whole.start, midnight(whole.end) - timedelta(seconds=1))
        for _, whole in split(anchor, Period(anchor, add_months(anchor, len(theirs))))
    ]
    assert asked["usage_in_arrears"]
    assert ours == theirs
    billed = [each for each in case.expected["invoices"] if "usage_to" in each]
    windows = [calculation_instant(day(each["billed_at"])) for each in billed]
    return Answer(windows, [instant(each["usage_to"]) for each in billed], EARLY_USAGE)


def bill_once_on_day(case: Case) -> Answer:
    """A billing date is due once from its UTC day on, however often the clock runs."""
    asked, anchor = case.inputs, lago_anchor(case)
    cadence = CADENCES[asked["interval"]]
    runs = [[instant(at) for at in asked[f"clock_runs_{when}"]] for when in ("before", "on_day", "after")]
    billed_before = utc_day(runs[0][0]) - timedelta(days=1)
    due_on = cadence.next(anchor, billed_before)
    ours = []
    for instants in runs:
        ours.append(0)
        for at in instants:
            while due_on <= utc_day(at):
                ours[-1] += 1
                due_on = cadence.next(anchor, due_on)
    theirs = [int(case.expected[f"invoices_{when}"]) for when in ("before", "on_day", "after")]
    ahead = instant(asked["subscription_at"]).astimezone(ZoneInfo(asked["timezone"])).utcoffset() or timedelta(0)
    return Answer(ours, theirs, UTC_DAYS if ahead < timedelta(0) else "")


def bill_days_series(case: Case) -> Answer:
    anchor, days = lago_anchor(case), [day(each) for each in case.expected["days"]]
    return Answer([CADENCES[case.inputs["interval"]].next(anchor, each, inclusive=True) for each in days], days)


def recurrence(case: Case) -> Answer:
    asked, cadence = case.inputs, duration(case.inputs["interval"])
    anchor, at = instant(asked["anchor"]), instant(asked["at"])
    inclusive = asked.get("boundary") == "inclusive"
    if case.kind == "recurrence_period":
        ours = {"from": cadence.previous(anchor, at, inclusive=True), "to": cadence.next(anchor, at)}
    else:
        step = cadence.next if case.kind == "recurrence_next" else cadence.previous
        ours = {"at": step(anchor, at, inclusive=inclusive)}
    return Answer(ours, {key: instant(value) for key, value in case.expected.items()})


def date_add(case: Case) -> Answer:
    return Answer(duration(case.inputs["duration"]).step(instant(case.inputs["start"])), instant(case.expected["at"]))


def cadence_divisible(case: Case) -> Answer:
    ours = duration(case.inputs["smaller"]).divides(duration(case.inputs["larger"]))
    return Answer(ours, case.expected["divisible"])


def gathering_next_collection(case: Case) -> Answer | NotApplicable:
    if case.inputs["alignment"] != "anchored":
        return NotApplicable("a document has the lines of one billing date; there is nothing to gather")
    waiting = [instant(line["invoice_at"]) for line in case.inputs["lines"] if not line["deleted"]]
    cadence, anchor = duration(case.inputs["interval"]), instant(case.inputs["anchor"])
    return Answer(cadence.next(anchor, min(waiting), inclusive=True), instant(case.expected["at"]))


def invoice_collection_at(case: Case) -> NotApplicable:
    return NotApplicable("what a document waits for is its calculation instant and a grace, the same for every line")


RESPONDERS: dict[str, Responder] = {
    "killbill_proration_cycles": cycles,
    "service_periods": service_periods,
    "first_bill_date": first_bill_date,
    "billing_interval": billing_interval,
    "leading_proration": leading_proration,
    "trailing_proration": trailing_proration,
    "days_with_fixed_month": days_with_fixed_month,
    "whole_periods": whole_periods,
    "advance_series": series,
    "recede_series": series,
    "next_billing_date": next_billing,
    "calendar_anchor": calendar_anchor,
    "add_month_clamped": add_month_clamped,
    "calendar_days": calendar_days,
    "monthly_boundary": monthly_boundary,
    "billing_boundaries": billing_boundaries,
    "bill_once_on_day": bill_once_on_day,
    "bill_days_series": bill_days_series,
    "recurrence_next": recurrence,
    "recurrence_prev": recurrence,
    "recurrence_period": recurrence,
    "date_add": date_add,
    "cadence_divisible": cadence_divisible,
    "gathering_next_collection": gathering_next_collection,
    "invoice_collection_at": invoice_collection_at,
}
TALLIES = {
    "killbill_proration_cycles": {"same": 168, "differ": 1},
    "killbill_billing_dates": {"same": 52, "differ": 7, "not applicable": 7},
    "flexprice_billing_dates": {"same": 40, "differ": 1},
    "lago_billing_dates": {"same": 19, "differ": 3},
    "openmeter_recurrence": {"same": 18},
    "openmeter_durations": {"same": 40},
    "openmeter_invoice_timing": {"same": 3, "not applicable": 9},
}
OURS: dict[str, object] = {
    "quarterly_TestProRation_testSinglePlan_ChangeBCDTo31_2": Decimal("1.155555556"),
    "fraction_trailing_fixed30_2023-05-23": Decimal("0.741935484"),
    "fraction_leading_fixed30_2023-05-23": Decimal("0.741935484"),
    "fraction_trailing_fixed30_2024-02-23": Decimal("0.724137931"),
    "fraction_leading_fixed30_2024-02-23": Decimal("0.724137931"),
    "fixed_month_days_2023-02-23_30": 20,
    "fixed_month_days_2023-05-23_28": 23,
    "fixed_month_days_2024-02-23_28": 21,
    "next_billing_annual_10": datetime(2024, 2, 29, tzinfo=UTC),
    "monthly_from_calendar_new_york": datetime(2022, 2, 1, tzinfo=UTC),
    "boundaries_anchor_31_in_arrears": [
        datetime(2024, 2, 26, tzinfo=UTC),
        datetime(2024, 3, 28, tzinfo=UTC),
        datetime(2024, 4, 27, tzinfo=UTC),
    ],
    "boundaries_anchor_30_in_advance": [
        datetime(2024, 2, 26, tzinfo=UTC),
        datetime(2024, 3, 27, tzinfo=UTC),
        datetime(2024, 4, 27, tzinfo=UTC),
    ],
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
