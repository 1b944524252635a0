"""Entitlement credits, in units, against the cases of one billing engine: the order and the instants are ours, too."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.tests.vectors import Answer, Case, NotApplicable, Responder, answered, cents, instant, tally
from credits.drawdown import Owed, Source, draw, in_draw_order, is_in_force, repay

EXACT_INSTANTS = "an expiry is an instant, not the second it falls in"


def burn_down(case: Case) -> Answer | NotApplicable:
    """Grants come and go, usage is drawn; what is missing is overage, which a later grant pays first."""
    asked = case.inputs
    if asked["aggregation"] != "sum" or asked["resets"] or any(one.get("recurrence") for one in asked["grants"]):
        return NotApplicable("a grant of credit is given once; nothing resets it, and it is no limit of a gauge")
    known = {"balances", "balance_total", "overage", "total_grant_usage", "total_available", "usage_since_reset"}
    if not case.expected.keys() & known:
        return NotApplicable("there are no segments of a run: every movement is a row of its own")
    ours = _burned(asked)
    theirs = {
        name: {one: cents(amount) for one, amount in value.items()} if name == "balances" else cents(value)
        for name, value in case.expected.items()
        if name in known
    }
    ours["balances"] = {
        name: left for name, left in ours["balances"].items() if name in case.expected.get("balances", ())
    }
    return Answer({name: ours[name] for name in theirs}, theirs)


def _burned(asked: Any) -> dict[str, Any]:
    """A run from its start to just before its end, with the balances and overage it began with."""
    start, end = instant(asked["start"]), instant(asked["until"])
    names = [one["id"] for one in asked["grants"]]
    sources = [
        _source(number, one, max(instant(one["effective_at"]), start)) for number, one in enumerate(asked["grants"])
    ]
    usage = [(instant(one["at"]), cents(one["amount"])) for one in asked["usage"]]
    usage = [(at, amount) for at, amount in usage if start <= at < end]
    owed, used = cents(asked["starting_overage"]), 0
    left = [0] * len(names)
    begins = [(source.effective_at, False, source.id) for source in sources if is_in_force(source, source.effective_at)]
    uses = [(at, True, amount) for at, amount in usage]
    for at, is_use, number in sorted([one for one in begins if one[0] < end] + uses):
        if not is_use:
            paid, left[number] = repay([Owed(1, "", owed)], amount=sources[number].available, features=frozenset())
            owed, used = owed - sum(dict(paid).values()), used + sum(dict(paid).values())
            continue
        result = draw([_with(source, left) for source in sources], amount=number, feature_key="", at=at)
        for part in result.parts:
            left[part.source_id] -= part.amount
            used += part.amount
        owed += result.uncovered
    just_before = end - timedelta(microseconds=1)
    balances = {
        name: left[number] if is_in_force(sources[number], just_before) else 0 for number, name in enumerate(names)
    }
    total = sum(balances.values())
    return {
        "balances": balances, "balance_total": total, "overage": owed, "total_grant_usage": used,
        "total_available": used + total, "usage_since_reset": sum(amount for _, amount in usage),
    }  # fmt: skip


def _source(number: int, given: Any, effective_at: datetime) -> Source:
    """Deleting and voiding end a grant as its expiry does."""
    ends = [instant(given[name]) for name in ("expires_at", "deleted_at", "voided_at") if given.get(name)]
    available = cents(given.get("starting_balance", "0"))
    priority = given.get("priority", 10)
    return Source(number, priority, frozenset(), effective_at, min(ends, default=None), effective_at, available)


def _with(source: Source, left: list[int]) -> Source:
    return replace(source, available=left[source.id])


def burn_order(case: Case) -> Answer:
    sources = [
        Source(
            id=number, priority=one["priority"], features=frozenset(), effective_at=instant(one["created_at"]),
            expires_at=one["expires_at"] and instant(one["expires_at"]), granted_at=instant(one["created_at"]),
            available=100,
        )
        for number, one in enumerate(case.inputs["grants"])
    ]  # fmt: skip
    ours = [
        case.inputs["grants"][one.id]["id"]
        for one in in_draw_order(sources, feature_key=None, at=sources[0].granted_at)
    ]
    parts_of_seconds = any(one.expires_at and one.expires_at.microsecond for one in sources)
    return Answer(ours, case.expected["order"], rule=EXACT_INSTANTS if parts_of_seconds else "")


def active_at(case: Case) -> Answer:
    grant = case.inputs["grant"]
    source = _source(1, grant, instant(grant["effective_at"]))
    return Answer(is_in_force(source, instant(case.inputs["at"])), case.expected["active"])


def effective_period(case: Case) -> Answer:
    """In force in exactly that period, asked at every instant at which anything happens to it, and just before."""
    grant = case.inputs["grant"]
    source = _source(1, grant, instant(grant["effective_at"]))
    turns = [instant(value) for value in (*grant.values(), *case.expected.values()) if value]
    asked = sorted({one - early for one in turns for early in (timedelta(0), timedelta(microseconds=1))})
    starts = instant(case.expected["from"])
    ends = case.expected["to"] and instant(case.expected["to"])
    ours = [at for at in asked if is_in_force(source, at)]
    return Answer(ours, [at for at in asked if starts <= at and (ends is None or at < ends)])


RESPONDERS: dict[str, Responder] = {
    "feature_credit_burn_down": burn_down,
    "feature_credit_burn_order": burn_order,
    "grant_active_at": active_at,
    "grant_effective_period": effective_period,
}
COUNTS = {"openmeter_feature_credit_engine": {"same": 18, "differ": 1, "not applicable": 12}}
OURS = {
    "burn_order_all_tie_breaks": [
        "cursor-a", "cursor-b", "created-first", "later-expiration", "no-expiration", "lower-priority",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("case", "answer"), answered(COUNTS, RESPONDERS))
def test_it_comes_to_the_same_or_to_what_our_rule_says(case, answer):
    if answer.rule:
        assert answer.ours == OURS[case.name]
        assert answer.ours != answer.theirs
    else:
        assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", COUNTS)
def test_no_case_is_left_out(file):
    assert tally(file, RESPONDERS) == COUNTS[file]
